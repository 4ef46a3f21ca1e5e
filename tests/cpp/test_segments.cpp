// Checkpointed BPTT: segments forward twice, with the states between them, give the loss, gradient and last state of plain BPTT.
#include <doctest/doctest.h>

#include <stdexcept>

#include "allocations.h"
#include "batch_problem.h"
#include "recurra/fit.h"
#include "recurra/threads.h"

namespace {

using namespace recurra;
using namespace test::batches;
using test::difference;

constexpr double last_bits = 1e-12;

// Any network on a ragged batch of 0 .. 11 steps, masked, from a random state.
struct Ragged {
  static constexpr Index rows = 5, time = 11;
  explicit Ragged(std::vector<LayerSpec> layers, Index steps = time)
      : network(std::move(layers), std::uint64_t(1)),
        runner(network),
        initial(network, rows),
        lengths{4, steps, 0, 7, steps - 1} {
    const Vector params = test::random_vector(1, Index(network.flat().size()), 0.6);
    std::copy(params.begin(), params.end(), network.flat().begin());
    x = test::random_vector(2, rows * time * network.input_size());
    if (network.takes_ids())
      for (double& id : x) id = std::floor((id + 1) / 2 * double(network.num_ids()));
    values = test::random_vector(4, rows * time * network.output_size());
    teacher = test::random_vector(5, rows * time * std::max<Index>(network.teacher_size(), 1));
    const Vector mask = test::random_vector(6, rows * time);
    for (const double m : mask) counted.push_back(m > -0.5);
  }
  struct Result {
    Vector gradient, state;
    double loss, loss_alone;
  };
  Result run(const RunOptions& options, bool taught = false, bool masked = true) {
    Sequences<double> sequences{x.data(), rows, time, lengths.data()};
    if (taught) sequences.teacher = teacher.data();
    Target<double> target{values.data()};
    if (masked) target.mask = counted.data();
    Result result{Vector(network.flat().size()), {}, 0, 0};
    BasicState<double> state = initial, other = initial;
    result.loss = runner.loss_and_gradient(sequences, target, Loss::mse, result.gradient.data(), &state, options);
    if (options.window == 0 && !options.initial) {
      result.loss_alone = runner.loss(sequences, target, Loss::mse, &other, options);
      CHECK(difference(other.data(), state.data()) <= last_bits);
    }
    result.state.assign(state.data().begin(), state.data().end());
    return result;
  }

  BasicNetwork<double> network;
  BasicRunner<double> runner;
  BasicState<double> initial;
  std::vector<Index> lengths;
  Vector x, values, teacher;
  std::vector<std::uint8_t> counted;
};

void check_close(const Ragged::Result& actual, const Ragged::Result& expected, double tolerance = last_bits) {
  CHECK(difference(actual.gradient, expected.gradient) <= tolerance);
  CHECK(difference(actual.state, expected.state) <= tolerance);
  CHECK(difference(actual.loss, expected.loss) <= tolerance);
  CHECK(difference(actual.loss_alone, expected.loss_alone) <= tolerance);
}

std::vector<std::vector<LayerSpec>> networks() {
  using namespace layers;
  const Options three{{"input_size", std::int64_t(3)}};
  return {
      {gru(3, 5), lstm(5, 4), elman(4, 2)},
      {embedding(6, 4), lstm(4, 5), linear(5, 2)},
      {linear(3, 4), layers::tanh(), linear(4, 2)},
      {lstm(3, 6, {{"layer_norm", true}, {"zoneout_h", 0.2}, {"zoneout_c", 0.1}, {"heads", std::int64_t(2)}}), linear(6, 2)},
      {lstm(3, 6, {{"projection", std::int64_t(3)}, {"learned_initial_state", true}}), linear(3, 2)},
      {lstm(3, 5), last(), linear(5, 4), layers::tanh(), linear(4, 2)},
      {elman(3, 5), last()},
      {gru(3, 5), mean(), linear(5, 2)},
      {linear(3, 4), logistic(), mean()},
      {embedding(6, 4), mean(), linear(4, 2)},
      {gru(3, 5), layers::max(), linear(5, 2)},
      {linear(3, 4), layers::max()},
      {embedding(6, 4), gru(4, 5), layers::max(), linear(5, 2)},
      {gru(3, 5), adaptive_softmax(5, 7, {2, 4}, 2.0)},
      {delay(2, three), linear(9, 2)},
      {lstm(3, 4), delay(2, {{"dilation", std::int64_t(2)}}), linear(12, 3), layers::tanh(), delay(4, {{"present", false}})},
      {residual({delay(1, three), linear(6, 3)}), delay(0), elman(3, 2)},
      {feedback({linear(6, 2)}, 3)},
      {delay(1, three), feedback({linear(10, 4), layers::tanh(), linear(4, 2)}, 2)},
      {feedback({lstm(7, 4), delay(1), linear(8, 2)}, 2), gru(2, 3)},
      {gru(3, 4), skip({feedback({residual({skip({elman(6, 2)}), linear(8, 6)}), linear(6, 2)})}), last(), linear(6, 2)},
      {residual({gru(3, 3)}), skip({lstm(3, 4)}), linear(7, 2)},
      {feedback({elman(3 + 2, 4), stack_memory(3, 2)}, 1, 2), linear(6, 2)},
      {feedback({lstm(3 + 2, 4), ntm_memory(4, 2)}, 1, 2), linear(6, 2)},
  };
}

}  // namespace

TEST_CASE("segments: of every cell and stage = plain BPTT, in windows too, on any number of threads") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    Batch b(cell);
    const Batch::Result plain = b.run(), windows = b.run({5});
    for (const Index segment : {Index(1), Index(2), Index(3), Index(6), Index(7), Index(20), RunOptions::square_root}) {
      CAPTURE(segment);
      check_equal(b.run({.segment = segment}), plain, last_bits);
      check_equal(b.run({.window = 5, .segment = segment}), windows, last_bits);
    }
  }
  const int threads = num_threads();
  Batch b("LSTM", 120);
  const Batch::Result plain = b.run();
  for (const int several : {1, 2, 3}) {
    set_num_threads(several);
    check_equal(b.run({.segment = 2}), plain, last_bits);
  }
  set_num_threads(threads);
}

TEST_CASE("segments: of networks that pool, delay, feed back and wrap = plain BPTT") {
  for (std::size_t n = 0; n < networks().size(); ++n) {
    CAPTURE(n);
    for (const Index steps : {Ragged::time, Index(8)}) {  // also where the time axis is longer than all sequences
      Ragged problem(networks()[n], steps);
      for (const bool masked : {false, true})
        for (const bool taught : {false, true}) {
          if (taught && problem.network.teacher_size() == 0) continue;
          CAPTURE(taught);
          for (const bool initial : {false, true}) {
            const Ragged::Result plain = problem.run({.initial = initial}, taught, masked);
            CHECK(test::difference(plain.gradient, Vector(plain.gradient.size())) > 1e-3);
            for (const Index segment : {Index(1), Index(2), Index(3), Index(7), RunOptions::square_root}) {
              CAPTURE(segment);
              check_close(problem.run({.initial = initial, .segment = segment}, taught, masked), plain);
            }
          }
        }
    }
  }
}

TEST_CASE("segments: pooling goes on from a state that was carried") {
  for (const LayerSpec& pooling : {layers::mean(), layers::max(), layers::last()}) {
    CAPTURE(pooling.type);
    Ragged problem({layers::gru(3, 5), pooling, layers::linear(5, 2)});
    for (const StateBlock& block : problem.network.state_blocks())
      for (Index i = 0; i < Ragged::rows; ++i)
        for (Index j = 0; j < block.width; ++j)
          problem.initial.row(i)[std::size_t(block.offset + j)] = block.name.ends_with("count") ? 3 : 0.3 * double(j) - 0.5;
    const Ragged::Result plain = problem.run({});
    for (const Index segment : {1, 2, 3, 7}) check_close(problem.run({.segment = segment}), plain);
  }
}

TEST_CASE("segments: equal values at the border of segments have one maximum") {
  Ragged problem({layers::linear(3, 2), layers::max()});
  problem.lengths = {11, 11, 11, 11, 11};
  for (std::size_t i = 0; i < problem.x.size(); ++i) problem.x[i] = problem.x[i % 3];  // all steps of all rows are alike
  const Ragged::Result plain = problem.run({});
  for (const Index segment : {1, 4, 10}) check_close(problem.run({.segment = segment}), plain, 0);
}

TEST_CASE("segments: a learned initial state gets the gradient of the first one") {
  Ragged problem({layers::lstm(3, 5, {{"learned_initial_state", true}}), layers::linear(5, 2)});
  const RunOptions options{.initial = true, .segment = 3};
  const Vector gradient = problem.run(options).gradient;
  double learned = 0;
  for (const Parameter& p : problem.network.parameters())
    for (Index j = 0; p.name.find("initial_") != std::string::npos && j < p.size; ++j)
      learned = std::max(learned, std::abs(gradient[std::size_t(p.offset + j)]));
  CHECK(learned > 1e-4);
  const auto objective = [&] { return problem.run({.initial = true}).loss; };
  CHECK(difference(gradient, test::central_difference(problem.network.flat(), objective)) < 1e-8);
}

TEST_CASE("segments: noise is that of plain BPTT: dropout, zoneout, one mask per sequence, scheduled sampling") {
  using namespace layers;
  const Options stages{{"zoneout_h", 0.3}, {"recurrent_dropout", 0.3}};
  const std::vector<std::vector<LayerSpec>> noisy{
      {linear(3, 4), dropout(0.4), lstm(4, 5, stages), dropout(0.2, true), linear(5, 2)},
      {lstm(3, 4), feedback({linear(6, 5), logistic(), dropout(0.3), linear(5, 2)})},
      {gru(3, 5, "after", {{"recurrent_dropout", 0.3}}), dropout(0.2), mean(), dropout(0.4), linear(5, 2)},
  };
  for (const std::vector<LayerSpec>& specs : noisy) {
    Ragged problem(specs);
    const bool taught = problem.network.teacher_size() > 0;
    for (const Index window : {0, 5}) {
      if (window > 0 && problem.network.pools()) continue;
      const auto run = [&](Index segment, std::uint64_t key) {
        return problem.run({.window = window, .training = true, .noise = key, .sampling = taught ? 0.5 : 0.0, .segment = segment},
                           taught);
      };
      const Ragged::Result plain = run(0, 5);
      for (const Index segment : {Index(1), Index(2), Index(3), RunOptions::square_root}) check_close(run(segment, 5), plain);
      CHECK(std::abs(run(3, 6).loss - plain.loss) > 1e-4);
    }
  }
}

TEST_CASE("segments: what cannot be cut is refused by the layer's name") {
  using namespace layers;
  const std::string expected = ", expected a network that goes step by step, for checkpointed BPTT";
  const auto refuse = [&](std::vector<LayerSpec> specs, const std::string& message) {
    Ragged problem(std::move(specs));
    CHECK_THROWS_WITH_AS(problem.run({.segment = 3}), ("loss_and_gradient: " + message + expected).c_str(),
                         std::invalid_argument);
    const Sequences<double> sequences{problem.x.data(), Ragged::rows, Ragged::time};
    CHECK_THROWS_WITH_AS(problem.runner.loss(sequences, {problem.values.data()}, Loss::mse, nullptr, {.segment = 3}),
                         ("loss: " + message + expected).c_str(), std::invalid_argument);
    FitOptions options;
    options.segment = 3;
    const Data<double> data{sequences, {problem.values.data()}};
    CHECK_THROWS_WITH_AS(fit(problem.network, data, static_cast<const Data<double>*>(nullptr), options),
                         ("fit: " + message + expected).c_str(), std::invalid_argument);
  };
  refuse({linear(3, 4), bidirectional(gru(4, 3)), linear(6, 2)}, "layer 1 (Bidirectional) looks ahead");
  refuse({residual({bidirectional(gru(3, 2)), linear(4, 3)})}, "layer 0 (Residual) looks ahead");
  Batch b("LSTM", 5);
  CHECK_THROWS_WITH_AS(b.run({.segment = -2}),
                       "loss_and_gradient: segment is -2, expected at least 1, 0 for none or RunOptions::square_root",
                       std::invalid_argument);
}

// So many rows that what goes forward alone is cut; a few of them are not.
TEST_CASE("segments: forward = sequences by themselves, and the loss alone = the one of the whole tape, with its noise") {
  constexpr Index rows = 40, time = 30, few = 5;
  const int threads = num_threads();
  set_num_threads(1);
  std::vector<std::vector<LayerSpec>> all = networks();
  for (const std::string& cell : all_layers()) all.push_back({cell_layer(cell, 3, 6), layers::linear(output_size(cell, 6), 2)});
  all.push_back(
      {layers::linear(3, 3), layers::dropout(0.3), layers::lstm(3, 4, {{"recurrent_dropout", 0.2}}), layers::linear(4, 2)});
  for (std::size_t n = 0; n < all.size(); ++n) {
    CAPTURE(n);
    BasicNetwork<double> network(all[n], 1);
    const Vector params = test::random_vector(1, Index(network.flat().size()), 0.6);
    std::copy(params.begin(), params.end(), network.flat().begin());
    const Index in = network.input_size(), out = network.output_size(),
                state_size = Index(BasicState<double>(network, 1).data().size());
    Vector x = test::random_vector(2, rows * time * in);
    if (network.takes_ids())
      for (double& id : x) id = std::floor((id + 1) / 2 * double(network.num_ids()));
    std::vector<Index> lengths;
    for (Index i = 0; i < rows; ++i) lengths.push_back(i * 7 % (time - 3));  // the time axis is longer than all
    const Index outputs = network.pools() ? 1 : time;
    Vector y(std::size_t(rows * outputs * out), 7), expected(y.size());
    BasicRunner<double> runner(network);
    const auto run = [&](Index begin, Index count, Vector& to) {
      BasicState<double> state(network, count);
      std::fill(state.data().begin(), state.data().end(), 0.2);
      test::make_possible(state);
      runner.forward({x.data() + begin * time * in, count, time, lengths.data() + begin}, to.data() + begin * outputs * out,
                     &state);
      return Vector(state.data().begin(), state.data().end());
    };
    const Vector last = run(0, rows, y);
    for (Index begin = 0; begin < rows; begin += few) {
      const Vector some = run(begin, few, expected);
      CHECK(difference(some, std::span(last).subspan(std::size_t(begin * state_size), some.size())) <= last_bits);
    }
    CHECK(difference(y, expected) <= last_bits);
    CHECK(difference(y, Vector(y.size())) > 1e-3);
    const Vector target = test::random_vector(3, rows * outputs * out);
    Vector gradient(network.flat().size());
    const RunOptions noisy{.training = true, .noise = 7};
    const Sequences<double> sequences{x.data(), rows, time, lengths.data()};
    const double whole = runner.loss_and_gradient(sequences, {target.data()}, Loss::mse, gradient.data(), nullptr, noisy);
    CHECK(difference(runner.loss(sequences, {target.data()}, Loss::mse, nullptr, noisy), whole) <= last_bits);
    set_num_threads(2);
    CHECK(difference(run(0, rows, expected), last) <= last_bits);
    CHECK(difference(y, expected) <= last_bits);
    set_num_threads(1);
  }
  set_num_threads(threads);
}

TEST_CASE("segments: an interrupt of what goes forward alone leaves the state as it was") {
  constexpr Index time = 3000;
  BasicNetwork<double> network({layers::gru(3, 4), layers::linear(4, 2)}, 1);
  BasicRunner<double> runner(network);
  const Vector x = test::random_vector(1, time * 3), target = test::random_vector(2, time * 2);
  Vector y(std::size_t(time * 2));
  for (const int call : {1, 2, 7}) {
    BasicState<double> state(network, 1);
    int asked = 0;
    const RunOptions options{.interrupt = [&] { return ++asked == call; }};
    CHECK_THROWS_AS(runner.forward({x.data(), 1, time}, y.data(), &state, options), InterruptedBatch);
    asked = 0;
    CHECK_THROWS_AS(runner.loss({x.data(), 1, time}, {target.data()}, Loss::mse, &state, options), InterruptedBatch);
    CHECK(difference(state.data(), Vector(4)) == 0);
  }
}

#if RECURRA_COUNTS_ALLOCATIONS
TEST_CASE("segments: memory of what goes forward alone does not grow with the steps") {
  for (const LayerSpec& pooling : {layers::dropout(0.1), layers::mean()}) {
    const auto largest = [&](Index time) {
      BasicNetwork<double> network({layers::lstm(3, 16), pooling, layers::linear(16, 2)}, 1);
      const Vector x = test::random_vector(1, time * 3), target = test::random_vector(2, time * 2);
      Vector y(std::size_t(time * 2));
      BasicRunner<double> runner(network);
      const test::Allocations allocations;
      runner.forward({x.data(), 1, time}, y.data());
      runner.loss({x.data(), 1, time}, {target.data()}, Loss::mse);
      return allocations.largest();
    };
    CHECK(largest(40000) == largest(2000));
  }
}

TEST_CASE("segments: memory grows as the square root of the steps") {
  const auto largest = [](Index time, Index segment) {
    BasicNetwork<double> network({layers::lstm(3, 16), layers::linear(16, 2)}, 1);
    const Vector x = test::random_vector(1, time * 3), target = test::random_vector(2, time * 2);
    Vector gradient(network.flat().size());
    const int threads = num_threads();
    set_num_threads(1);
    BasicRunner<double> runner(network);
    const test::Allocations allocations;
    runner.loss_and_gradient({x.data(), 1, time}, {target.data()}, Loss::mse, gradient.data(), nullptr, {.segment = segment});
    const std::size_t bytes = allocations.largest();
    set_num_threads(threads);
    return double(bytes);
  };
  CHECK(largest(10000, 0) > 9000 * 4 * 16 * sizeof(double));
  CHECK(largest(10000, RunOptions::square_root) < 0.03 * largest(10000, 0));
  CHECK(largest(40000, RunOptions::square_root) < 2.2 * largest(10000, RunOptions::square_root));
}
#endif
