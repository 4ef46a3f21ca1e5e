// Online learning, exact: its gradients add up to those of BPTT, blocks of all lengths are the same rule while the weights move,
// and rows are separate runs.
#include "recurra/online.h"

#include <doctest/doctest.h>

#include "allocations.h"
#include "problem.h"
#include "recurra/recurra.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;
using Vector = std::vector<double>;

constexpr Index inputs = 3, steps = 11;

BasicNetwork<double> drawn(std::vector<LayerSpec> specs, double scale) {
  BasicNetwork<double> network(std::move(specs), std::uint64_t(1));
  const Vector params = test::random_vector(1, Index(network.flat().size()), scale);
  std::copy(params.begin(), params.end(), network.flat().begin());
  return network;
}

// As many layers of a cell on top of each other, and a readout.
std::vector<LayerSpec> stack(const std::string& cell, Index depth, Index units) {
  std::vector<LayerSpec> specs{cell_layer(cell, inputs, units)};
  while (Index(specs.size()) < depth) specs.push_back(cell_layer(cell, output_size(cell, units), units));
  specs.push_back(linear(output_size(cell, units), 2));
  return specs;
}

enum class Targets { dense, sparse, last };

struct Series {
  Series(const BasicNetwork<double>& network, Index batch_size, Targets targets)
      : batch(batch_size),
        x(test::random_vector(2, batch * steps * network.input_size())),
        y(test::random_vector(3, batch * steps * network.output_size())),
        mask(std::size_t(batch * steps)) {
    if (network.takes_ids())
      for (double& id : x) id = std::floor((id + 1) / 2 * double(network.num_ids()));
    for (Index i = 0; i < batch * steps; ++i)
      mask[std::size_t(i)] = targets == Targets::dense || (targets == Targets::sparse ? i % 3 == 1 : i % steps == steps - 1);
  }
  Sequences<double> sequences() const { return {x.data(), batch, steps}; }
  Target<double> target() const { return {y.data(), nullptr, mask.data()}; }
  Index batch;
  Vector x, y;
  std::vector<std::uint8_t> mask;
};

void check_equals_bptt(const std::vector<LayerSpec>& specs, Index batch, Targets targets, Index block) {
  const BasicNetwork<double> network = drawn(specs, 0.6);
  const Series data(network, batch, targets);
  Vector bptt(network.flat().size()), online = bptt;
  const double loss = BasicRunner<double>(network).loss_and_gradient(data.sequences(), data.target(), Loss::mse, bptt.data());
  const double same = online_gradient<double>(network, data.sequences(), data.target(), Loss::mse, Rtrl{block}, online.data());
  CHECK(same == doctest::Approx(loss).epsilon(1e-12));
  CHECK(difference(online, bptt) < 1e-10);
}

const std::vector<std::vector<LayerSpec>>& networks() {
  const Options three{{"input_size", std::int64_t(3)}};
  static const std::vector<std::vector<LayerSpec>> all{
      {delay(2, three), linear(9, 3), layers::tanh(), delay(2, {{"dilation", std::int64_t(2)}}), linear(9, 2)},
      {delay(1, three), feedback({linear(6 + 4, 3), layers::tanh(), linear(3, 2)}, 2)},
      {linear(3, 3), layers::tanh(), lstm(3, 4), gru(4, 3), linear(3, 2)},
      {residual({elman(3, 3)}), skip({feedback({linear(4, 1)})}), delay(1, {{"present", false}}), linear(4, 2)},
      {lstm(3, 4), feedback({gru(4 + 4, 3), delay(1), linear(6, 2)}, 2)},
      {embedding(5, 3), gru(3, 4), linear(4, 2)},
  };
  return all;
}

// Steps of a learner with Adam on two rows that are reset now and then: its outputs and, at last, its weights.
Vector learn(const std::vector<LayerSpec>& specs, OnlineOptions options, std::vector<Vector>* gradients = nullptr) {
  BasicNetwork<double> network = drawn(specs, 0.3);  // small, lest an unbounded cell grow beyond the guard
  options.optimizer = Adam{.learning_rate = 1e-2};
  options.batch = 2;
  BasicOnline<double> learner(network, options);
  const Series data(network, 2, Targets::dense);
  Vector outputs;
  for (Index t = 0; t < 4 * steps; ++t) {
    Vector x, target, y(std::size_t(2 * network.output_size()));
    for (Index row = 0; row < 2; ++row) {
      const Index at = row * steps + t % steps;
      x.insert(x.end(), data.x.begin() + at * network.input_size(), data.x.begin() + (at + 1) * network.input_size());
      target.insert(target.end(), data.y.begin() + at * network.output_size(), data.y.begin() + (at + 1) * network.output_size());
    }
    if (t == 9) learner.reset(1);
    if (t == 25) learner.reset();
    learner.step(x, y, t % 5 == 3 ? Target<double>{} : Target<double>{target.data()});
    outputs.insert(outputs.end(), y.begin(), y.end());
    if (gradients) gradients->emplace_back(learner.gradient().begin(), learner.gradient().end());
  }
  outputs.insert(outputs.end(), network.flat().begin(), network.flat().end());
  CHECK(learner.report().guard_events == 0);
  return outputs;
}

}  // namespace

TEST_CASE("online: the gradients of exact RTRL add up to that of BPTT") {
  for (const std::string& cell : all_layers())
    for (const Index depth : {1, 2, 3}) {
      CAPTURE(cell);
      CAPTURE(depth);
      for (const Targets targets : {Targets::dense, Targets::sparse, Targets::last}) {
        check_equals_bptt(stack(cell, depth, 4), 1, targets, 2);  // so short a sequence is one block of 0
        check_equals_bptt(stack(cell, depth, 4), 4, targets, 3);
      }
    }
  for (const auto& specs : networks())
    for (const Index block : {0, 1, 4}) check_equals_bptt(specs, 2, Targets::sparse, block);
}

TEST_CASE("online: blocks of all lengths are the same rule while the weights move and rows are reset") {
  std::vector<std::vector<LayerSpec>> all = networks();
  for (const std::string& cell : all_layers()) all.push_back(stack(cell, 2, 4));
  for (const auto& specs : all) {
    CAPTURE(to_string(specs.front()));
    const Vector plain = learn(specs, {.rule = Rtrl{1}});
    for (const Index block : {Index(2), Index(7), Index(8), 4 * steps + 3, Index(0)}) {
      CAPTURE(block);
      CHECK(difference(learn(specs, {.rule = Rtrl{block}}), plain) < 1e-10);
    }
    const Vector sparse = learn(specs, {.rule = Rtrl{1}, .update_every = 4});
    CHECK(difference(sparse, plain) > 1e-6);
    for (const Index block : {2, 7, 8, 0})
      CHECK(difference(learn(specs, {.rule = Rtrl{block}, .update_every = 4}), sparse) < 1e-10);
  }
}

TEST_CASE("online: frozen parameters rest, whatever decays, and the others learn as they would") {
  const std::vector<LayerSpec> specs{linear(3, 4), layers::tanh(), gru(4, 5), lstm(5, 3), linear(3, 2)};
  const auto learn_frozen = [&](std::vector<std::string> frozen, Index block, double l2) {
    BasicNetwork<double> network = drawn(specs, 0.3);
    BasicOnline<double> learner(
        network,
        {.rule = Rtrl{block}, .optimizer = Sgd{.learning_rate = 1e-2, .decay = {.l2 = l2}}, .frozen = std::move(frozen)});
    const Series data(network, 1, Targets::dense);
    for (Index t = 0; t < steps; ++t)
      learner.step(std::span(data.x).subspan(std::size_t(t * 3), 3), {}, Target<double>{data.y.data() + t * 2});
    return std::pair(Vector(network.flat().begin(), network.flat().end()), learner.report());
  };
  const BasicNetwork<double> start = drawn(specs, 0.3);
  const auto first_of = [&](const std::string& name) {
    return std::ranges::find(start.parameters(), name, &Parameter::name)->offset;
  };
  const Index below = first_of("2.weight_ih");
  for (const Index block : {1, 4}) {
    const auto [all, report] = learn_frozen({}, block, 0.1);
    const auto [upper, less] = learn_frozen({"0", "2.weight_hh"}, block, 0.1);
    CHECK(less.bytes < report.bytes);
    for (const Parameter& p : start.parameters()) {
      const auto part = [&](std::span<const double> flat) { return flat.subspan(std::size_t(p.offset), std::size_t(p.size)); };
      const bool rests = p.offset < below || p.name == "2.weight_hh";
      CHECK((difference(part(upper), part(start.flat())) == 0) == rests);
      CHECK(difference(part(all), part(start.flat())) > 0);
    }
    // One step's gradient does not depend on what rests.
    BasicNetwork<double> free = drawn(specs, 0.3), bound = drawn(specs, 0.3);
    BasicOnline<double> one(free, {.rule = Rtrl{block}, .optimizer = Sgd{0}}),
        other(bound, {.rule = Rtrl{block}, .optimizer = Sgd{0}, .frozen = {"0", "2"}});
    const Series data(free, 1, Targets::dense);
    for (Index t = 0; t < steps; ++t)
      for (auto* learner : {&one, &other})
        learner->step(std::span(data.x).subspan(std::size_t(t * 3), 3), {}, Target<double>{data.y.data() + t * 2});
    const Index from = first_of("3.weight_ih");
    CHECK(difference(other.gradient().subspan(std::size_t(from)), one.gradient().subspan(std::size_t(from))) < 1e-12);
    CHECK(difference(other.influence("3.bias"), one.influence("3.bias")) < 1e-12);
    CHECK(difference(other.influence("2.bias"), Vector(other.influence("2.bias").size())) == 0);
  }
  BasicNetwork<double> network = drawn(specs, 0.3);
  CHECK_THROWS_WITH_AS(BasicOnline<double>(network, {.frozen = {"2.weight"}}),
                       "Online: frozen: the network has no parameter '2.weight'", std::invalid_argument);
}
