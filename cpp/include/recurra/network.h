// A network: an ordered list of layers and one flat parameter vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "recurra/layer_spec.h"

namespace recurra {

using Index = std::ptrdiff_t;

template <class T>
struct Model;  // the layers themselves

// A named tensor inside the flat vector, row-major.
struct Parameter {
  std::string name;  // "0.weight_ih"
  std::vector<Index> shape;
  Index offset, size;
};

// A named block of the state one sequence carries from step to step.
struct StateBlock {
  std::string name;   // "0.h"
  std::string layer;  // what it belongs to: a state of another kind of layer does not fit
  Index offset, width;
  bool operator==(const StateBlock&) const = default;
};

// T is float or double. Copying copies the parameters.
template <class T>
class BasicNetwork {
 public:
  // Draws the parameters from `seed`. Throws std::invalid_argument where layers are unknown, have a size that is not
  // positive or overflows, lie deeper than max_layer_depth, or do not fit together.
  explicit BasicNetwork(std::vector<LayerSpec> layers, std::uint64_t seed = 0);

  // A network with these layers and parameters. Throws also where the number of parameters differs.
  BasicNetwork(std::vector<LayerSpec> layers, std::vector<T> flat);

  const std::vector<LayerSpec>& layers() const;
  Index input_size() const;  // features; 1 if takes_ids(); 0 if a Feedback is all it has
  Index output_size() const;
  bool takes_ids() const;  // the first layer is an Embedding: inputs are class ids, stored as T
  Index num_ids() const;   // valid ids are 0 .. num_ids() - 1
  // What stands for the network's own output in its one Feedback layer, features per step: the width of that layer's output.
  // 0: the network has no Feedback, or several.
  Index teacher_size() const;
  bool pools() const;  // one output per sequence, not per step
  // An EncoderDecoder: an output sequence has a length of its own.
  bool decodes() const;
  Index num_symbols() const;  // what a decoder is given are class ids 0 .. num_symbols() - 1; 0: values
  bool looks_ahead() const;   // an output depends on later steps: no streaming, no windows

  std::span<T> flat() { return flat_; }
  std::span<const T> flat() const { return flat_; }
  const std::vector<Parameter>& parameters() const;
  // A view of one parameter. Throws std::out_of_range for an unknown name.
  std::span<T> parameter(const std::string& name);

  const std::vector<StateBlock>& state_blocks() const;
  Index state_size() const;  // elements per sequence

  const std::shared_ptr<const Model<T>>& model() const { return model_; }

 private:
  std::shared_ptr<const Model<T>> model_;
  std::vector<T> flat_;
};

using Network = BasicNetwork<float>;

}  // namespace recurra
