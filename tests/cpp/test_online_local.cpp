// Online rules that learn layer by layer: where they are exact they equal exact RTRL, where they are not they differ from it; all
// of them go on from a file with the same bits, and refuse what they do not admit.
#include <doctest/doctest.h>

#include <filesystem>
#include <random>

#include "allocations.h"
#include "online_problem.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;
using test::gradient_of;
using test::Learning;
using test::part_of;
using test::refusal;
using test::Vector;
using test::with_readout;

constexpr Index steps = 23;
const Optimizer adam = Adam{.learning_rate = 1e-2};
const Rtrl by_layer{.scope = Rtrl::Scope::layer};

bool has(const std::string& layer, const std::string& stage) { return layer.find(" + " + stage) != std::string::npos; }
// Whether the local rules admit it, by what is known of the cells.
bool is_local(const std::string& layer) {
  return !layer.starts_with("GRU(reset=before)") && !has(layer, "layer_norm") && !has(layer, "zoneout") &&
         !has(layer, "projection");
}
bool is_diagonal_cell(const std::string& layer) {
  if (!is_local(layer)) return false;
  for (const char* name : {"IndRNN", "SRU", "MinGRU", "MinLSTM", "LRU", "ELSTM", "TestDiagonalLstm"})
    if (layer.starts_with(name)) return true;
  return layer.find("recurrent=false") != std::string::npos;
}
// So few units that none feeds another one.
Index alone(const std::string& layer) { return is_diagonal_cell(layer) ? 4 : has(layer, "heads") ? 2 : 1; }

double relative(const Vector& actual, const Vector& expected) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    error = std::max(error, std::abs(actual[i] - expected[i]));
    size = std::max(size, std::abs(expected[i]));
  }
  return error / size;
}

struct TemporaryFile {
  TemporaryFile()
      : path((std::filesystem::temp_directory_path() / ("recurra_" + std::to_string(std::random_device{}()))).string()) {}
  ~TemporaryFile() { std::filesystem::remove(path); }
  const std::string path;
};

}  // namespace

TEST_CASE("online local: SnAp-1 is exact where no unit feeds another one, while the weights move and rows are reset") {
  for (const std::string& layer : all_layers()) {
    if (!is_local(layer)) continue;
    CAPTURE(layer);
    const auto specs = with_readout(layer, alone(layer));
    for (const Index every : {1, 3})
      for (const double leak : {1.0, 0.9}) {
        const auto options = [&](OnlineRule rule) {
          return OnlineOptions{.rule = rule, .optimizer = adam, .update_every = every, .leak = leak};
        };
        Learning exact(specs, options(Rtrl{1})), local(specs, options(SnAp{}));
        const Vector expected = exact.run(steps);
        CHECK(difference(local.run(steps), expected) < 1e-10);
        for (const Parameter& p : local.network.parameters())
          CHECK(difference(local.learner.influence(p.name), exact.learner.influence(p.name)) < 1e-10);
        CHECK(local.learner.report().exact == (leak == 1));
      }
  }
}

TEST_CASE("online local: RTRL by traces is RTRL in blocks, for every diagonal cell") {
  int cells = 0;
  for (const std::string& layer : all_layers()) {
    CAPTURE(layer);
    const auto specs = with_readout(layer, 4);
    const std::string rule = BasicOnline<double>::plan(BasicNetwork<double>(specs, std::uint64_t(1)), {}).rule;
    CHECK((rule == "RTRL (diagonal, O(p))") == is_diagonal_cell(layer));
    if (!is_diagonal_cell(layer)) continue;
    ++cells;
    std::vector<LayerSpec> below = specs, above = specs;
    below.insert(below.begin(), delay(1, {{"input_size", std::int64_t(3)}, {"present", false}}));
    above.insert(above.begin() + 1, layers::tanh());
    for (const auto& network : {specs, below, above})
      for (const Index every : {1, 4}) {
        const auto options = [&](OnlineRule r) { return OnlineOptions{.rule = r, .optimizer = adam, .update_every = every}; };
        Learning blocked(network, options(Rtrl{7})), traces(network, options(Rtrl{}));
        const Vector expected = blocked.run(steps);
        CHECK(difference(traces.run(steps), expected) < 1e-10);
        CHECK(difference(traces.y, blocked.y) < 1e-10);
        const OnlineReport report = traces.learner.report();
        CHECK(report.rule == "RTRL (diagonal, O(p))");
        CHECK(report.exact);
        CHECK(report.dropped.empty());
        CHECK(report.bytes < blocked.learner.report().bytes);
        for (const Parameter& p : traces.network.parameters())
          CHECK(difference(traces.learner.influence(p.name), blocked.learner.influence(p.name)) < 1e-10);
      }
  }
  CHECK(cells >= 10);
  // With something to learn below, or a second state above, traces would not be exact.
  for (const auto& specs : std::vector<std::vector<LayerSpec>>{
           {linear(3, 3), cell("MinGRU", 3, 4)}, {cell("MinGRU", 3, 4), delay(1)}, {cell("MinGRU", 3, 4), cell("MinGRU", 4, 4)}})
    CHECK(BasicOnline<double>::plan(BasicNetwork<double>(specs, std::uint64_t(1)), {}).rule.starts_with("RTRL(block="));
}

TEST_CASE("online local: e-prop and SnAp-1 are exact for every cell whose R is zero, and e-prop else not") {
  for (const std::string& layer : all_layers()) {
    if (!is_local(layer) || is_diagonal_cell(layer)) continue;
    CAPTURE(layer);
    auto network = test::drawn_network(with_readout(layer, 4), 0.7);
    CHECK(relative(gradient_of(network, EProp{}, 9), gradient_of(network, Rtrl{}, 9)) > 1e-4);
    for (double& r : network.parameter("0.weight_hh")) r = 0;
    CHECK(difference(gradient_of(network, EProp{}, 9), gradient_of(network, Rtrl{}, 9)) < 1e-12);
    CHECK(difference(gradient_of(network, SnAp{}, 9), gradient_of(network, Rtrl{}, 9)) < 1e-12);
  }
}

TEST_CASE("online local: where everything leaks, every rule is the gradient of the step alone") {
  const std::vector<LayerSpec> specs{cell_layer("LSTM(peephole=current)", 3, 4), gru(4, 3), linear(3, 2)};
  const auto options = [](OnlineRule rule) { return OnlineOptions{.rule = rule, .optimizer = adam, .leak = 0}; };
  const Vector expected = Learning(specs, options(Rtrl{})).run(steps);
  for (const OnlineRule& rule : std::vector<OnlineRule>{SnAp{}, EProp{}, KfRtrl{}, by_layer}) {
    CAPTURE(rule.index());
    Learning learning(specs, options(rule));
    CHECK(difference(learning.run(steps), expected) < 1e-10);
    CHECK(learning.learner.report().dropped.size() >= 2);
  }
}

TEST_CASE("online local: approximations differ from the exact gradient on a dense stack") {
  for (const char* cell : {"LSTM", "GRU(reset=after)", "LeakyElman(activation=tanh)"}) {
    CAPTURE(cell);
    const auto network = test::drawn_network({cell_layer(cell, 3, 5), cell_layer(cell, 5, 4), linear(4, 2)}, 0.9);
    const Vector exact = gradient_of(network, Rtrl{}, 12), plain = part_of(network, exact, "2");
    std::vector<OnlineRule> rules{SnAp{}, EProp{}, by_layer, KfRtrl{}};
    if (std::string(cell).starts_with("Leaky")) rules.push_back(Rflo{});
    std::vector<Vector> all{exact};
    for (const OnlineRule& rule : rules) {
      all.push_back(gradient_of(network, rule, 12));
      for (std::size_t i = 0; i + 1 < all.size(); ++i) CHECK(relative(all.back(), all[i]) > 1e-3);
      CHECK(difference(part_of(network, all.back(), "2"), plain) < 1e-12);  // a readout has no past
      OnlineOptions options;
      options.rule = rule;
      const OnlineReport report = BasicOnline<double>::plan(network, options);
      CHECK_FALSE(report.exact);
      CHECK_FALSE(report.dropped.empty());
      CHECK(report.bytes > 0);
      CHECK(report.flops_per_step > 0);
    }
  }
}

TEST_CASE("online local: scope=layer is exact for one layer with a state, whatever it is made of") {
  std::vector<std::vector<LayerSpec>> all{
      {residual({elman(3, 3)}), linear(3, 2)},
      {feedback({lstm(3 + 2, 4), linear(4, 2)}), linear(2, 2)},
      {chain({linear(3, 3), gru(3, 4), delay(2), linear(12, 4)}), linear(4, 2)},
      {delay(1, {{"input_size", std::int64_t(3)}}), skip({lstm(6, 4), elman(4, 3)}), linear(9, 2)},
  };
  for (const std::string& layer : all_layers()) all.push_back(with_readout(layer, 4));
  for (const auto& specs : all) {
    CAPTURE(to_string(specs.front()));
    for (const Index every : {1, 4}) {
      const auto options = [&](Rtrl rule) { return OnlineOptions{.rule = rule, .optimizer = adam, .update_every = every}; };
      Learning exact(specs, options({1}), 0.3);
      const Vector expected = exact.run(steps);
      for (const Index block : {0, 1, 5}) {
        Learning local(specs, options({block, Rtrl::Scope::layer}), 0.3);
        CHECK(difference(local.run(steps), expected) < 1e-10);
        CHECK(local.learner.report().guard_events == 0);
        CHECK(local.learner.report().exact);
        for (const Parameter& p : local.network.parameters())
          CHECK(difference(local.learner.influence(p.name), exact.learner.influence(p.name)) < 1e-10);
      }
    }
  }
}

TEST_CASE("online local: scope=layer of two layers is exact for the upper one, not for the lower one") {
  for (const char* cell : {"LSTM", "GRU(reset=before)", "Elman(activation=tanh) + layer_norm"}) {
    CAPTURE(cell);
    const auto network = test::drawn_network({cell_layer(cell, 3, 4), cell_layer(cell, 4, 4), linear(4, 2)}, 0.9);
    const Vector exact = gradient_of(network, Rtrl{}, 9), local = gradient_of(network, by_layer, 9);
    for (const char* layer : {"1", "2"})
      CHECK(difference(part_of(network, local, layer), part_of(network, exact, layer)) < 1e-12);
    CHECK(relative(part_of(network, local, "0"), part_of(network, exact, "0")) > 1e-3);
    OnlineOptions options;
    options.rule = by_layer;
    const OnlineReport report = BasicOnline<double>::plan(network, options);
    CHECK_FALSE(report.exact);
    REQUIRE(report.dropped.size() == 1);
    CHECK(report.dropped.front().find("layer 1 (") != std::string::npos);
  }
  // A delay line on top of parameters forgets their part in its past.
  const auto delayed = test::drawn_network({linear(3, 3), layers::tanh(), delay(2), linear(9, 2)}, 0.9);
  OnlineOptions options;
  options.rule = by_layer;
  const OnlineReport report = BasicOnline<double>::plan(delayed, options);
  CHECK_FALSE(report.exact);
  REQUIRE(report.dropped.size() == 1);
  CHECK(report.dropped.front().find("layer 2 (Delay)") != std::string::npos);
  const Vector exact = gradient_of(delayed, Rtrl{}, 9), local = gradient_of(delayed, by_layer, 9);
  CHECK(difference(part_of(delayed, local, "3"), part_of(delayed, exact, "3")) < 1e-12);
  CHECK(relative(part_of(delayed, local, "0"), part_of(delayed, exact, "0")) > 1e-3);
}

TEST_CASE("online local: a teacher reaches a Feedback that learns by itself") {
  const std::vector<LayerSpec> specs{feedback({elman(3 + 2, 4), linear(4, 2)}), linear(2, 2)};
  const auto network = test::drawn_network(specs, 0.8);
  const Vector x = test::random_vector(2, 8 * 3), y = test::random_vector(3, 8 * 2), teacher = test::random_vector(4, 8 * 2);
  Vector exact(network.flat().size()), local = exact;
  online_gradient<double>(network, {.data = x.data(), .batch = 1, .time = 8, .teacher = teacher.data()}, {y.data()}, Loss::mse,
                          Rtrl{}, exact.data());
  online_gradient<double>(network, {.data = x.data(), .batch = 1, .time = 8, .teacher = teacher.data()}, {y.data()}, Loss::mse,
                          by_layer, local.data());
  CHECK(difference(local, exact) < 1e-12);
  CHECK(relative(gradient_of(network, by_layer, 8), exact) > 1e-3);
}

TEST_CASE("online local: the mean of KF-RTRL over its signs is the exact gradient") {
  const Options learned{{"learned_initial_state", true}};
  for (const std::vector<LayerSpec>& specs : std::vector<std::vector<LayerSpec>>{
           {elman(2, 2), linear(2, 1)},
           {cell("LSTM", 2, 2, {{"peephole", std::string("current")}, {"learned_initial_state", true}}), linear(2, 1)},
           {gru(2, 2, "after", learned), linear(2, 1)}}) {
    CAPTURE(to_string(specs.front()));
    const auto network = test::drawn_network(specs, 0.8);
    constexpr Index length = 4;
    constexpr int seeds = 20000;
    const Vector exact = gradient_of(network, Rtrl{}, length);
    Vector sum(exact.size()), squares = sum;
    for (int seed = 0; seed < seeds; ++seed) {
      const Vector one = gradient_of(network, KfRtrl{std::uint64_t(seed)}, length);
      for (std::size_t j = 0; j < one.size(); ++j) {
        sum[j] += one[j];
        squares[j] += one[j] * one[j];
      }
    }
    double spread = 0;
    for (std::size_t j = 0; j < sum.size(); ++j) {
      const double mean = sum[j] / seeds, variance = std::max(0.0, squares[j] / seeds - mean * mean);
      CHECK(std::abs(mean - exact[j]) <= 4 * std::sqrt(variance / seeds) + 1e-12);
      spread = std::max(spread, std::sqrt(variance));
    }
    CHECK(spread > 1e-3);
    CHECK(gradient_of(network, KfRtrl{5}, 12) == gradient_of(network, KfRtrl{5}, 12));
    CHECK(gradient_of(network, KfRtrl{5}, 12) != gradient_of(network, KfRtrl{6}, 12));
  }
}

TEST_CASE(
    "online local: every rule on every layer it admits runs, does not allocate, and goes on from a file with the same bits") {
  const TemporaryFile file;
  for (const std::string& layer : all_layers())
    for (const OnlineRule& rule : std::vector<OnlineRule>{SnAp{}, EProp{}, KfRtrl{3}, Rflo{3}, Rtrl{}, by_layer}) {
      if (rule.index() > 0 && !is_local(layer)) continue;
      if (std::holds_alternative<Rflo>(rule) && !layer.starts_with("LeakyElman")) continue;
      CAPTURE(layer);
      CAPTURE(rule.index());
      const auto specs = with_readout(layer, 4);
      const OnlineOptions options{.rule = rule, .optimizer = adam, .update_every = 3};
      Learning whole(specs, options, 0.3), resumed(specs, options, 0.1);
      whole.run(13);
      whole.learner.save(file.path);
      const Vector expected = whole.run(10);
      resumed.learner.load(file.path);
      resumed.made = 13;
      CHECK(resumed.run(10) == expected);
      CHECK(std::ranges::equal(resumed.network.flat(), whole.network.flat()));
      CHECK(whole.learner.report().updates > 0);
      CHECK(whole.learner.report().guard_events == 0);

      const Vector x = test::random_vector(5, 6), target = test::random_vector(6, 4);
      const test::Allocations allocations;
      for (int t = 0; t < 4; ++t) {
        whole.learner.predict(x, whole.y);
        whole.learner.step(x, whole.y, {target.data()});
        whole.learner.reset(t % 2);
      }
      CHECK(allocations.count() == 0);
    }
}

TEST_CASE("online local: float follows double") {
  for (const OnlineRule& rule : std::vector<OnlineRule>{SnAp{}, EProp{}, KfRtrl{3}, Rflo{3}, Rtrl{}, by_layer}) {
    CAPTURE(rule.index());
    const auto specs = with_readout("LeakyElman(activation=tanh)", 9);
    const OnlineOptions options{.rule = rule, .optimizer = Sgd{0.01}};
    CHECK(difference(Learning<float>(specs, options).run(15), Learning<double>(specs, options).run(15)) < 1e-5);
  }
}

TEST_CASE("online local: a trace beyond the guard starts again, and is counted") {
  for (const OnlineRule& rule : std::vector<OnlineRule>{SnAp{}, EProp{}, KfRtrl{}}) {
    CAPTURE(rule.index());
    const std::vector<LayerSpec> specs{cell_layer("ResidualRNN(activation=tanh, recurrent=true)", 3, 4),
                                       linear(4, 2)};  // its traces only ever grow
    Learning guarded(specs, {.rule = rule, .optimizer = Sgd{0}, .guard = 3});
    guarded.run(steps);
    CHECK(guarded.learner.report().guard_events > 0);
    Learning free(specs, {.rule = rule, .optimizer = Sgd{0}});
    free.run(steps);
    CHECK(free.learner.report().guard_events == 0);
  }
}

TEST_CASE("online local: what a rule does not admit is refused, with the reason") {
  const std::vector<OnlineRule> local{SnAp{}, EProp{}, KfRtrl{}};
  for (const std::string& layer : all_layers())
    for (const OnlineRule& rule : local) {
      CAPTURE(layer);
      CHECK(refusal(with_readout(layer, 4), rule).empty() == is_local(layer));
    }
  const auto refused = [](const std::vector<LayerSpec>& specs, const OnlineRule& rule, const std::string& expected) {
    CAPTURE(refusal(specs, rule));
    CHECK(refusal(specs, rule).find(expected) != std::string::npos);
  };
  for (const OnlineRule& rule : local) {
    refused({gru(3, 4, "before")}, rule, "layer 0 (GRU): its R multiplies what another gate has made of the state");
    refused({lstm(3, 4, {{"layer_norm", true}})}, rule, "layer 0 (LSTM): it has layer_norm");
    refused({lstm(3, 4, {{"zoneout", 0.1}})}, rule, "it has zoneout");
    refused({linear(3, 3), lstm(3, 4, {{"projection", std::int64_t(2)}})}, rule, "layer 1 (LSTM): it has a projection");
    refused({residual({lstm(3, 3)})}, rule, "layer 0 (Residual), which has a state and parameters inside");
    refused({chain({lstm(3, 3)})}, rule, "layer 0 (Chain), which has a state and parameters inside");
    refused({lstm(3, 4), feedback({linear(4 + 2, 2)})}, rule, "layer 1 (Feedback), which has a state and parameters inside");
    refused({bidirectional(lstm(3, 4))}, rule, "looks ahead");
    CHECK(refusal({delay(1, {{"input_size", std::int64_t(3)}}), residual({linear(6, 6)}), lstm(6, 4)}, rule).empty());
  }
  refused({lstm(3, 4)}, SnAp{2}, "SnAp(2) keeps what reaches a unit within 2 steps, which is everything where R is dense");
  refused({lstm(3, 4)}, SnAp{0}, "SnAp(0) has order = 0, expected 1");
  refused({lstm(3, 4)}, Rflo{}, "RFLO(seed=0) does not admit layer 0 (LSTM), expected LeakyElman");
  refused({cell_layer("LeakyElman(activation=tanh)", 3, 4), elman(4, 3)}, Rflo{}, "layer 1 (Elman), expected LeakyElman");
  Learning kf(with_readout("LSTM", 4), {.rule = KfRtrl{}});
  CHECK_THROWS_WITH_AS(kf.learner.influence("0.bias"), doctest::Contains("keeps no influence"), std::invalid_argument);
}
