// Back-propagation through time = central differences: one layer, stacks, every other layer, the losses of a runner.
#include <doctest/doctest.h>

#include "network_problem.h"
#include "recurra/runner.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::difference;

void check_equal(const test::Gradients& actual, const test::Gradients& expected) {
  CHECK(actual.params == expected.params);
  CHECK(actual.x == expected.x);
  CHECK(actual.initial == expected.initial);
}

test::Gradients without_gains(test::Gradients gradients, const CellLayout& layout) {
  const auto clear = [&](Index begin, Index count) {
    if (begin >= 0) std::fill_n(gradients.params.begin() + begin, count, 0.0);
  };
  for (const GateMatrix* matrix : {&layout.input, &layout.feed, &layout.message, &layout.state})
    clear(matrix->gain, matrix->rows);
  for (const NormalizedState& state : layout.normalized) clear(state.gain, layout.hidden_size);
  return gradients;
}

// Also where the cotangents of gates take the gates' place, as they do in training.
void check(test::NetworkProblem& problem) {
  problem.objective();
  const test::Gradients gradients = problem.gradients();
  problem.workspace.go_back_once();
  problem.workspace.prepare(Schedule::sequences(problem.lengths), true);
  problem.objective();
  check_equal(problem.gradients(), gradients);
  const auto objective = [&] { return problem.objective(); };
  CHECK(difference(gradients.params, test::central_difference(problem.network.flat(), objective)) < 1e-7);
  // Of what pooling carries nobody asks the gradient.
  for (const StateBlock& block : problem.network.state_blocks()) {
    if (test::is_pooled(block)) continue;
    CAPTURE(block.name);
    for (std::size_t i = 0; i < problem.lengths.size(); ++i) {
      const std::size_t at = i * std::size_t(problem.network.state_size()) + std::size_t(block.offset);
      const auto central = test::central_difference(std::span(problem.initial).subspan(at, std::size_t(block.width)), objective);
      CHECK(difference(std::span(gradients.initial).subspan(at, std::size_t(block.width)), central) < 1e-7);
    }
  }
}

}  // namespace

TEST_CASE("bptt: gradients by parameters, inputs and initial states of every cell and stage = central differences") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    const auto check_size = [&](Index inputs, Index units) {
      CAPTURE(units);
      test::CellProblem problem(cell, Schedule::sequences({6, 5, 5, 2, 0}), inputs, units);
      problem.objective();
      const test::Gradients gradients = problem.gradients(), central = problem.central_differences();
      CHECK(difference(gradients.params, central.params) < 1e-7);
      CHECK(difference(gradients.x, central.x) < 1e-7);
      CHECK(difference(gradients.initial, central.initial) < 1e-7);
      problem.tape.goes_back_once = true;
      problem.layer.reserve(problem.tape, true);
      problem.objective();
      const test::Gradients in_place = problem.gradients();
      check_equal(without_gains(in_place, problem.layer.layout()), without_gains(gradients, problem.layer.layout()));
      CHECK(difference(in_place.params, gradients.params) < 1e-14);  // gains are summed in another order
    };
    check_size(3, 6);
    check_size(2, cell.find(" + ") == std::string::npos ? 18 : 10);  // more than a register
    if (cell.find("heads") == std::string::npos) check_size(7, 1);
  }
}

TEST_CASE("bptt: where levels go back once, the cotangents of gates need no memory of their own") {
  using namespace layers;
  const Index batch = 3, steps = 5, units = 7;
  const auto saved = [&](const std::vector<LayerSpec>& specs) {
    const BasicNetwork<double> network(specs);
    std::size_t bytes[2];
    for (const bool once : {false, true}) {
      Workspace<double> workspace(*network.model());
      if (once) workspace.go_back_once();
      if (network.decodes()) workspace.decode(Schedule::sequences(batch, steps), {0, 1, 2});
      workspace.prepare(Schedule::sequences(batch, steps), true);
      bytes[once] = workspace.bytes();
    }
    return Index(bytes[0] - bytes[1]) / (batch * steps * units * Index(sizeof(double)));
  };
  CHECK(saved({lstm(2, units)}) == 4);
  CHECK(saved({lstm(2, units, {{"layer_norm", true}})}) == 12);  // 13, less what the gains' gradient takes
  CHECK(saved({bidirectional(lstm(2, units)), linear(2 * units, 2)}) == 8);
  CHECK(saved({feedback({elman(4, units), linear(units, 2)}, 2)}) == 1);
  CHECK(saved({encoder_decoder({lstm(2, units)}, {embedding(4, 3), lstm(3, units), linear(units, 3)},
                               {{"start", std::int64_t(3)}})}) == 8);
  CHECK(saved({cell_layer("LRU", 2, units)}) == 0);  // whose cotangents by units stand between them
}

TEST_CASE("bptt: levels in two parts = all levels at once") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    test::CellProblem problem(cell, Schedule::sequences({6, 5, 5, 2, 0}), 3, 6);
    problem.objective();
    const test::Gradients whole = problem.gradients();
    const std::vector<double> states = problem.states();
    problem.tape.state.assign(problem.tape.state.size(), 0.0);
    for (Index i = 0; i < 5; ++i) problem.layer.load_state(problem.tape, i, problem.initial.data() + i * problem.carried_width());
    for (const Levels part : {Levels{1, 3}, Levels{3, 7}}) problem.layer.forward(problem.weights, problem.tape, part);
    CHECK(difference(problem.states(), states) < 1e-14);

    for (const bool once : {false, true}) {
      CAPTURE(once);
      problem.tape.goes_back_once = once;
      problem.layer.reserve(problem.tape, true);
      problem.objective();
      problem.begin_backward();
      problem.layer.backward(problem.weights, problem.tape, {3, 7});  // given up: nothing of it is left
      problem.objective();
      std::vector<double> params(whole.params.size()), dx(whole.x.size());
      problem.tape.dx = dx.data();
      problem.begin_backward();
      for (const Levels part : {Levels{3, 7}, Levels{1, 3}}) {
        problem.layer.backward(problem.weights, problem.tape, part);
        problem.layer.gradient(problem.tape, part, {params.data()});
      }
      CHECK(difference(params, whole.params) < 1e-13);
      CHECK(difference(dx, whole.x) < 1e-13);
      problem.tape.dx = nullptr;
    }
  }
}

TEST_CASE("bptt: two different cells and a readout = central differences") {
  const std::vector<std::string> cells = all_cells();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string &below = cells[i], &above = cells[(i + 3) % cells.size()];
    CAPTURE(below);
    CAPTURE(above);
    const Index middle = output_size(below, 5), top = output_size(above, 4);
    test::NetworkProblem problem({cell_layer(below, 3, 5), cell_layer(above, middle, 4), layers::linear(top, 2)},
                                 {6, 5, 5, 2, 0});
    check(problem);
  }
}

TEST_CASE("bptt: the other layers = central differences") {
  using namespace layers;
  const auto check_layers = [](std::vector<LayerSpec> specs) {
    test::NetworkProblem problem(std::move(specs), {6, 5, 5, 2, 0});
    const Index rows[] = {4, 2, 0, 1, 3};
    problem.workspace.set_noise({true, 77, rows});
    check(problem);
  };
  for (const LayerSpec& activation : {layers::tanh(), relu(), logistic()}) {
    CAPTURE(activation.type);
    check_layers({lstm(3, 5), linear(5, 4), activation, linear(4, 2)});
    check_layers({linear(3, 4), activation, gru(4, 5), activation});
  }
  for (const LayerSpec& pooling : {last(), mean(), layers::max()}) {
    CAPTURE(pooling.type);
    check_layers({lstm(3, 5), pooling, linear(5, 4), layers::tanh(), linear(4, 2)});
    check_layers({gru(3, 5), pooling});
    check_layers({linear(3, 4), pooling, dropout(0.4), linear(4, 2)});
  }
  check_layers({embedding(4, 3), elman(3, 5), linear(5, 2)});
  check_layers({embedding(4, 3), mean(), linear(3, 2)});
  check_layers({embedding(4, 3), layers::max(), linear(3, 2)});
  check_layers({lstm(3, 5), dropout(0.4), gru(5, 4), dropout(0.2), linear(4, 2)});
  check_layers({gru(3, 5), adaptive_softmax(5, 4)});
  check_layers({gru(3, 5), adaptive_softmax(5, 9, {2, 3, 6}, 1.7), layers::tanh(), linear(9, 2)});
}

TEST_CASE("bptt: the loss from the initial state, which may learn = central differences") {
  const Index batch = 4, time = 6;
  const std::vector<Index> lengths{2, 6, 0, 5};
  for (const std::string& cell : all_layers()) {
    if (cell.find("learned") == std::string::npos) continue;
    CAPTURE(cell);
    const Index width = output_size(cell, 6);
    const auto x = test::random_vector(1, batch * time * 3), target = test::random_vector(2, batch * time * width);
    BasicNetwork<double> network({cell_layer(cell, 3, 6)}, std::uint64_t(3));
    const auto drawn = test::random_vector(4, Index(network.flat().size()), 0.6);
    std::copy(drawn.begin(), drawn.end(), network.flat().begin());
    BasicRunner<double> runner(network);
    const Sequences<double> sequences{x.data(), batch, time, lengths.data()};
    RunOptions options;
    options.training = true;
    options.noise = 5;
    std::vector<double> gradient(network.flat().size());
    runner.loss_and_gradient(sequences, {target.data()}, Loss::mse, gradient.data(), nullptr, options);
    const auto objective = [&] { return runner.loss(sequences, {target.data()}, Loss::mse, nullptr, options); };
    CHECK(difference(gradient, test::central_difference(network.flat(), objective)) < 1e-7);
    double learned = 0;
    for (const Parameter& p : network.parameters())
      for (Index j = 0; p.name.find("initial_") != std::string::npos && j < p.size; ++j)
        learned = std::max(learned, std::abs(gradient[std::size_t(p.offset + j)]));
    CHECK(learned > 1e-4);
    // From a state of the caller's there is nothing to learn about the initial one.
    BasicState<double> given(network, batch);
    std::fill(gradient.begin(), gradient.end(), 0.0);
    runner.loss_and_gradient(sequences, {target.data()}, Loss::mse, gradient.data(), &given, options);
    for (const Parameter& p : network.parameters())
      for (Index j = 0; p.name.find("initial_") != std::string::npos && j < p.size; ++j)
        CHECK(gradient[std::size_t(p.offset + j)] == 0);
  }
}

TEST_CASE("bptt: wrapped layers = central differences, also nested") {
  using namespace layers;
  const auto check_layers = [](std::vector<LayerSpec> specs) {
    test::NetworkProblem problem(std::move(specs), {6, 5, 5, 2, 0});
    const Index rows[] = {4, 2, 0, 1, 3};
    problem.workspace.set_noise({true, 77, rows});
    check(problem);
  };
  check_layers({bidirectional(lstm(3, 5)), linear(10, 2)});
  check_layers({linear(3, 4), bidirectional(gru(4, 3), lstm(4, 2, {{"zoneout_c", 0.2}})), elman(5, 2)});
  check_layers({bidirectional(lstm(3, 4, {{"learned_initial_state", true}})), bidirectional(gru(8, 3)), last(), linear(6, 2)});
  check_layers({linear(3, 4), residual({gru(4, 4)}), linear(4, 2)});
  check_layers({residual({lstm(3, 5), dropout(0.3), linear(5, 3), layers::tanh()}), elman(3, 2)});
  check_layers({skip({lstm(3, 4), linear(4, 2)}), gru(5, 3), skip({linear(3, 1)})});
  check_layers({residual({skip({bidirectional(elman(3, 2))}), linear(7, 3)}), residual({residual({linear(3, 3)})}), mean()});
  check_layers({bidirectional(lstm(3, 4)), layers::max(), linear(8, 2)});
  check_layers({embedding(5, 4), bidirectional(cell("SRU", 4, 3)), skip({cell("LRU", 6, 2)}), last()});
}

TEST_CASE("bptt: delays and feedback, closed and open loop and between = central differences") {
  using namespace layers;
  const Options three{{"input_size", std::int64_t(3)}};
  const std::vector<std::vector<LayerSpec>> networks{
      {delay(2, three), linear(9, 2)},
      {lstm(3, 4), delay(2, {{"dilation", std::int64_t(2)}}), linear(12, 3), layers::tanh(), delay(4, {{"present", false}})},
      {residual({delay(1, three), linear(6, 3)}), delay(0), elman(3, 2)},
      {feedback({linear(6, 2)}, 3)},                                                     // autoregressive
      {delay(1, three), feedback({linear(10, 4), layers::tanh(), linear(4, 2)}, 2)},     // NARX
      {linear(3, 4), feedback({linear(6, 5), logistic(), dropout(0.3), linear(5, 2)})},  // Jordan
      {feedback({lstm(7, 4), delay(1), linear(8, 2)}, 2), gru(2, 3)},
      {gru(3, 4), skip({feedback({residual({skip({elman(6, 2)}), linear(8, 6)}), linear(6, 2)})}), last(), linear(6, 2)},
  };
  const Index rows[] = {4, 2, 0, 1, 3};
  for (std::size_t n = 0; n < networks.size(); ++n) {
    CAPTURE(n);
    for (const double sampling : {-1.0, 0.0, 0.5, 1.0}) {
      CAPTURE(sampling);
      test::NetworkProblem problem(networks[n], {6, 5, 5, 2, 0});
      problem.workspace.set_noise({true, 77, rows});
      if (sampling >= 0 && problem.network.teacher_size() == 0) continue;
      if (sampling >= 0) problem.teach(sampling, rows);
      check(problem);
    }
  }
  test::NetworkProblem nested({feedback({feedback({linear(7, 2)}), layers::tanh()})}, {6, 5, 5, 2, 0});
  CHECK(nested.network.teacher_size() == 0);
  check(nested);
}

TEST_CASE("bptt: external memories behind every cell = central differences") {
  using namespace layers;
  for (const std::string& cell : all_cells()) {
    CAPTURE(cell);
    const Index h = Index(output_size(cell, 5));
    test::NetworkProblem stacks({feedback({cell_layer(cell, 3 + 4, 5), stack_memory(3, 2, 2)}, 1, 4), linear(h + 4, 2)},
                                {4, 3, 0});
    check(stacks);
    test::NetworkProblem machine({feedback({cell_layer(cell, 3 + 3, 5), ntm_memory(5, 3)}, 1, 3), linear(h + 3, 2)}, {4, 3, 0});
    check(machine);
  }
}

TEST_CASE("bptt: external memories of all sizes and places = central differences") {
  using namespace layers;
  const auto heads = [](Index reading, Index writing, Index shift) {
    return Options{{"read_heads", reading}, {"write_heads", writing}, {"shift", shift}};
  };
  const std::vector<std::vector<LayerSpec>> networks{
      {linear(3, 4), stack_memory(1, 1), linear(5, 2)},
      {feedback({linear(3 + 3, 4), layers::tanh(), stack_memory(7, 3)}, 1, 3), linear(7, 2)},
      {feedback({gru(3 + 2, 4), stack_memory(3, 1), stack_memory(2, 1)}, 2, 1), last(), linear(6, 2)},
      {feedback({gru(3 + 4, 4), ntm_memory(4, 2, heads(2, 1, 1))}, 1, 4), linear(8, 2)},
      {feedback({linear(3 + 4, 4), layers::tanh(), ntm_memory(6, 4, heads(1, 3, 2))}, 1, 4), mean()},
      {linear(3, 4), ntm_memory(3, 1), linear(5, 2)},
      {feedback({feedback({lstm(3 + 2 + 2, 4), ntm_memory(5, 2)}, 1, 2), linear(6, 2)}), linear(2, 2)},
  };
  const Index rows[] = {4, 2, 0, 1, 3};
  for (std::size_t n = 0; n < networks.size(); ++n) {
    CAPTURE(n);
    test::NetworkProblem problem(networks[n], {6, 5, 5, 2, 0});
    check(problem);
    if (problem.network.teacher_size() == 0) continue;
    problem.teach(0, rows);  // it reaches the outer loop alone
    check(problem);
  }
}

TEST_CASE("bptt: a teacher reaches what is fed back, and a sampled one part of it") {
  using namespace layers;
  const Index rows[] = {4, 2, 0, 1, 3};
  const std::vector<LayerSpec> layers{linear(3, 4), feedback({linear(8, 5), layers::tanh(), linear(5, 2)}, 2)};
  const auto value = [&](double sampling) {
    test::NetworkProblem problem(layers, {6, 5, 5, 2, 0});
    problem.workspace.set_noise({false, 77, rows});
    if (sampling >= 0) problem.teach(sampling, rows);
    return problem.objective();
  };
  CHECK(value(1) == value(-1));  // always its own
  CHECK(std::abs(value(0) - value(-1)) > 1e-3);
  CHECK(std::abs(value(0.5) - value(0)) > 1e-3);
  CHECK(std::abs(value(0.5) - value(1)) > 1e-3);
}

TEST_CASE("bptt: a long sequence is swept in chunks = central differences") {
  // 40 rows: chunks hold 4 levels.
  std::vector<Index> lengths(40, 9);
  lengths[38] = 3;
  lengths[39] = 1;
  for (const LayerSpec& pooling : {layers::mean(), layers::max()}) {
    CAPTURE(pooling.type);
    test::NetworkProblem problem({layers::lstm(2, 3), pooling, layers::linear(3, 2)}, lengths);
    problem.objective();
    const auto central = test::central_difference(problem.network.flat(), [&] { return problem.objective(); });
    problem.objective();
    CHECK(difference(problem.gradients().params, central) < 1e-7);
  }
}

TEST_CASE("bptt: dropout draws zeros and scaled values by key, sequence and step") {
  test::NetworkProblem problem({layers::linear(3, 40), layers::dropout(0.25)}, {5, 5, 3});
  const auto output = [&](bool training, std::uint64_t key, std::vector<Index> rows) {
    problem.workspace.set_noise({training, key, rows.data()});
    problem.objective();
    const Tape<double>& tape = problem.workspace.last();
    return std::vector<double>(tape.y, tape.y + problem.workspace.schedule().num_nodes() * tape.y_stride);
  };
  const auto plain = output(false, 1, {0, 1, 2}), drawn = output(true, 1, {0, 1, 2});
  double zeros = 0;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    zeros += drawn[i] == 0;
    CHECK((drawn[i] == 0 || std::abs(drawn[i] - plain[i] / 0.75) < 1e-14));
  }
  CHECK(std::abs(zeros / double(plain.size()) - 0.25) < 0.06);  // 520 draws: three standard errors
  CHECK(drawn == output(true, 1, {0, 1, 2}));
  CHECK(drawn != output(true, 2, {0, 1, 2}));
  CHECK(drawn != output(true, 1, {1, 0, 2}));
}

TEST_CASE("bptt: the loss and its gradient = central differences, in the caller's order of rows") {
  using namespace layers;
  const Index batch = 4, time = 6, width = 3;
  const std::vector<Index> lengths{2, 6, 0, 5};
  const auto x = test::random_vector(1, batch * time * 2), values = test::random_vector(2, batch * time * width);
  const std::vector<std::int64_t> classes{0, 2, 1, 1, 0, 2, 2, 2, 1, 0, 0, 1, 1, 2, 0, 2, 1, 0, 0, 0, 1, 2, 2, 1};
  const auto check_loss = [&](std::vector<LayerSpec> specs, Loss loss) {
    BasicNetwork<double> network(std::move(specs), std::uint64_t(3));
    BasicRunner<double> runner(network);
    BasicState<double> initial(network, batch);
    const auto numbers = test::random_vector(4, Index(initial.data().size()));
    std::copy(numbers.begin(), numbers.end(), initial.data().begin());
    const Sequences<double> sequences{x.data(), batch, time, lengths.data()};
    const Target<double> target{values.data(), classes.data()};
    std::vector<double> gradient(network.flat().size());
    BasicState<double> state = initial;
    const double value = runner.loss_and_gradient(sequences, target, loss, gradient.data(), &state);
    const auto objective = [&] {
      BasicState<double> copy = initial;
      return runner.loss(sequences, target, loss, &copy);
    };
    CHECK(value == doctest::Approx(objective()).epsilon(1e-14));
    CHECK(difference(gradient, test::central_difference(network.flat(), objective)) < 1e-8);
  };
  for (const Loss loss : {Loss::mse, Loss::cross_entropy}) {
    check_loss({lstm(2, 5), linear(5, width)}, loss);
    check_loss({gru(2, 5), last(), linear(5, width)}, loss);
  }
}
