// Networks, inputs and states with everything random, always the same.
#pragma once

#include "problem.h"
#include "recurra/network.h"

namespace test {

template <class T>
recurra::BasicNetwork<T> random_network(std::vector<recurra::LayerSpec> layers, double scale = 0.6) {
  recurra::BasicNetwork<T> network(std::move(layers), std::uint64_t(1));
  const std::vector<T> params = random_vector<T>(1, Index(network.flat().size()), scale);
  std::copy(params.begin(), params.end(), network.flat().begin());
  return network;
}

// `count` steps: features, or class ids.
template <class T>
std::vector<T> random_input(const recurra::BasicNetwork<T>& network, Index count) {
  std::vector<T> x = random_vector<T>(2, count * network.input_size());
  if (network.takes_ids())
    for (T& id : x) id = std::floor((id + 1) / 2 * T(network.num_ids()));
  return x;
}

template <class T>
recurra::BasicState<T> random_state(const recurra::BasicNetwork<T>& network, Index batch, double scale = 0.5) {
  recurra::BasicState<T> state(network, batch);
  const std::vector<T> values = random_vector<T>(3, Index(state.data().size()), scale);
  std::copy(values.begin(), values.end(), state.data().begin());
  make_possible(state);
  for (const recurra::StateBlock& block : network.state_blocks())
    for (Index i = 0; i < batch; ++i)
      if (block.name.ends_with("count"))
        state.row(i)[std::size_t(block.offset)] = T(2);  // a mean or maximum over two steps so far
  return state;
}

}  // namespace test
