// The layers of a network and where their parameters and states lie in the flat vectors.
#pragma once

#include <memory>

#include "../layers/layer.h"
#include "recurra/network.h"

namespace recurra {

template <class T>
struct Model {
  explicit Model(std::vector<LayerSpec> specs);

  std::vector<LayerSpec> specs;
  std::vector<std::unique_ptr<Layer<T>>> layers;
  std::vector<Index> parameter_offset, state_offset;  // by layer, and the end
  std::vector<Parameter> parameters;
  std::vector<StateBlock> state_blocks;
  Index input_size = 0, output_size = 0, num_ids = 0;
  std::size_t pooling = 0;  // the first layer that pools over time; layers.size() if none

  bool pools() const { return pooling < layers.size(); }
  bool takes_ids() const { return num_ids > 0; }
  // Draws every parameter from its initial distribution.
  void initialize(std::uint64_t seed, T* flat) const;
};

}  // namespace recurra
