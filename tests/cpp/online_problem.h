// What the tests of online rules share: networks with random weights, and a learner that runs step by step.
#pragma once

#include <stdexcept>

#include "problem.h"
#include "recurra/recurra.h"

namespace test {

using Vector = std::vector<double>;

inline constexpr Index online_inputs = 3, online_outputs = 2;

inline recurra::BasicNetwork<double> drawn_network(std::vector<recurra::LayerSpec> specs, double scale) {
  recurra::BasicNetwork<double> network(std::move(specs), std::uint64_t(1));
  const Vector params = random_vector(1, Index(network.flat().size()), scale);
  std::copy(params.begin(), params.end(), network.flat().begin());
  return network;
}

// A layer (see all_layers()) and a readout.
inline std::vector<recurra::LayerSpec> with_readout(const std::string& layer, Index units) {
  return {cell_layer(layer, online_inputs, units), recurra::layers::linear(output_size(layer, units), online_outputs)};
}

// The message of the refusal; empty: the rule admits the network.
inline std::string refusal(const std::vector<recurra::LayerSpec>& specs, const recurra::OnlineRule& rule) {
  recurra::OnlineOptions options;
  options.rule = rule;
  try {
    recurra::BasicOnline<double>::plan(recurra::BasicNetwork<double>(specs, std::uint64_t(1)), options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

// A learner on two rows: now and then a step without a target, rows that are reset, weights changed from outside.
template <class T = double>
struct Learning {
  Learning(const std::vector<recurra::LayerSpec>& specs, recurra::OnlineOptions options, double scale = 0.5)
      : network(specs, std::uint64_t(1)), learner(network, prepared(network, options, scale)) {}

  static recurra::OnlineOptions prepared(recurra::BasicNetwork<T>& network, recurra::OnlineOptions options, double scale) {
    const std::vector<T> params = random_vector<T>(1, Index(network.flat().size()), scale);
    std::copy(params.begin(), params.end(), network.flat().begin());
    options.batch = 2;
    return options;
  }

  void step() {
    std::vector<T> x = random_vector<T>(100 + std::uint64_t(made), 2 * network.input_size());
    const std::vector<T> target = random_vector<T>(900 + std::uint64_t(made), 2 * network.output_size());
    y.resize(target.size());
    if (made == 7) learner.reset(1);
    if (made == 11) {  // the weights are changed from outside
      for (T& value : network.flat()) value *= T(0.9);
      learner.reload();
    }
    if (made == 17) learner.reset();
    learner.step(x, y, made % 5 == 3 ? recurra::Target<T>{} : recurra::Target<T>{target.data()});
    ++made;
  }
  // The gradients of all steps' updates, one after the other.
  std::vector<T> run(Index steps) {
    std::vector<T> all;
    for (Index t = 0; t < steps; ++t) {
      step();
      all.insert(all.end(), learner.gradient().begin(), learner.gradient().end());
    }
    return all;
  }

  recurra::BasicNetwork<T> network;
  recurra::BasicOnline<T> learner;
  std::vector<T> y;
  Index made = 0;
};

// The gradient of one sequence, weights at rest.
inline Vector gradient_of(const recurra::BasicNetwork<double>& network, const recurra::OnlineRule& rule, Index steps) {
  const Vector x = random_vector(2, steps * network.input_size()), y = random_vector(3, steps * network.output_size());
  Vector gradient(network.flat().size());
  recurra::online_gradient<double>(network, {x.data(), 1, steps}, {y.data()}, recurra::Loss::mse, rule, gradient.data());
  return gradient;
}

// The part of a flat vector that belongs to a layer.
inline Vector part_of(const recurra::BasicNetwork<double>& network, const Vector& flat, const std::string& layer) {
  Vector part;
  for (const recurra::Parameter& p : network.parameters())
    if (p.name.starts_with(layer + ".")) part.insert(part.end(), flat.begin() + p.offset, flat.begin() + p.offset + p.size);
  return part;
}

}  // namespace test
