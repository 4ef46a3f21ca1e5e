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
struct Model;            // the layers themselves
class SharedParameters;  // what is tied and what rests

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

// T is float or double. Copying copies the parameters, and what is tied and frozen.
template <class T>
class BasicNetwork {
 public:
  using Names = std::vector<std::string>;

  // Draws the parameters from `seed`. Throws std::invalid_argument where layers are unknown, have a size that is not
  // positive or overflows, lie deeper than max_layer_depth, or do not fit together.
  explicit BasicNetwork(std::vector<LayerSpec> layers, std::uint64_t seed = 0);

  // A network with these layers and parameters, tied and frozen. Throws also where the number of parameters differs, and as tie
  // and freeze.
  BasicNetwork(std::vector<LayerSpec> layers, std::vector<T> flat, std::vector<Names> tied = {}, const Names& frozen = {});
  BasicNetwork(const BasicNetwork& other);
  BasicNetwork(BasicNetwork&&) noexcept = default;
  BasicNetwork& operator=(const BasicNetwork& other);  // views of the parameters stay valid where layers are the same
  BasicNetwork& operator=(BasicNetwork&&) noexcept = default;

  const std::vector<LayerSpec>& layers() const;
  Index input_size() const;  // features; 1 if takes_ids(); 0 if a Feedback is all it has
  Index output_size() const;
  bool takes_ids() const;  // the first layer is an Embedding: inputs are class ids, stored as T
  Index num_ids() const;   // valid ids are 0 .. num_ids() - 1
  // What stands for the network's own output in its one Feedback layer, features per step: the width of that layer's output.
  // 0: the network has no Feedback, or several.
  Index teacher_size() const;
  bool pools() const;  // one output per sequence (tree, graph), not per step (node)
  // What its layers take: "sequences", "trees", "graphs", "trees or graphs", or "anything".
  std::string runs_over() const;
  // An EncoderDecoder: an output sequence has a length of its own.
  bool decodes() const;
  Index num_symbols() const;  // what a decoder is given are class ids 0 .. num_symbols() - 1; 0: values
  bool looks_ahead() const;   // an output depends on later steps: no streaming, no windows

  // Parameters that are tied have equal values in it: each call, and so each use of the network, first gives the copies the
  // values of the first of their group. What was written into a copy alone is lost.
  std::span<T> flat();
  std::span<const T> flat() const;
  const std::vector<Parameter>& parameters() const;
  // A view of one parameter. Throws std::out_of_range for an unknown name.
  std::span<T> parameter(const std::string& name);

  // Parameters of equal shape become one. The first keeps its values, the others take them and are copies of it from now on:
  // a gradient has the sum in the place of the first and 0 in those of the others, and they follow its updates. A name may be in
  // a group already; its group then becomes part of this one. Throws std::invalid_argument for names that no parameter has or
  // that are named twice, fewer than two, and shapes that differ; nothing has changed then.
  void tie(const Names& names);
  // Parameters rest: their gradient is 0, and no optimizer moves them, whatever decays. "0" stands for all that begin with "0.".
  // Those that are tied rest together. Throws std::invalid_argument for a name that no parameter has; nothing has changed then.
  void freeze(const Names& names);
  void unfreeze(const Names& names);
  const std::vector<Names>& tied() const;  // groups
  const Names& frozen() const;
  // Both as the library uses it.
  const std::shared_ptr<const SharedParameters>& shared() const { return shared_; }

  const std::vector<StateBlock>& state_blocks() const;
  Index state_size() const;  // elements per sequence

  const std::shared_ptr<const Model<T>>& model() const { return model_; }

 private:
  std::shared_ptr<const Model<T>> model_;
  std::shared_ptr<const SharedParameters> shared_;  // replaced, never changed
  mutable std::vector<T> flat_;                     // copies are brought up to date when someone looks
};

using Network = BasicNetwork<float>;

}  // namespace recurra
