// A cell run over a schedule: the one driver behind every cell. Products by the library, the rest by the cell's kernels.
#pragma once

#include "cell_layout.h"
#include "node_slice.h"
#include "packed_matrix.h"

namespace recurra {

// The cell's matrices as the sweeps read them. Forward multiplies by the transposes, backward by the matrices themselves.
template <class T>
struct CellWeights : Weights<T> {
  struct Pair {
    PackedMatrix<T> forward, backward;
  };
  std::vector<Pair> input, feed, message, state;  // by run, or by gate
  std::vector<T> bias_row;                        // of all gates; zero where a gate has none
  std::vector<T> unit;                            // per-unit parameters
};

template <class T>
struct CellTape : Tape<T> {
  AlignedVector<T> a, message, state;     // [nodes] pre-activations and messages, [rows] states
  AlignedVector<T> da, dmessage, dstate;  // the same, times seeds; da also holds the per-unit parameters' cotangents
  AlignedVector<T> edge_a, dedge_a;       // graphs: the edge gates of each edge
  AlignedVector<T> fed, dfed;             // graphs: [rows] R times the fed states
  std::vector<T> gathered, scratch;       // for the weight gradient
};

template <class T>
class CellLayer final : public Layer<T> {
 public:
  CellLayer(const CellTable& table, const Products<T>& products, Index input_size, Index hidden_size);

  Index input_size() const override { return layout_.input_size; }
  Index output_size() const override { return layout_.output_width; }
  bool needs_time() const override { return true; }
  std::vector<ParameterSpec> parameters() const override { return layout_.parameters; }
  std::vector<StateSpec> state() const override;

  std::unique_ptr<Weights<T>> make_weights() const override { return std::make_unique<CellWeights<T>>(); }
  void refresh(const T* params, Weights<T>&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override { return std::make_unique<CellTape<T>>(); }
  void reserve(Tape<T>&, bool backward) const override;
  void reset(Tape<T>&, Index sequence) const override;
  void load_state(Tape<T>&, Index sequence, const T* from) const override;
  void save_state(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void carry(Tape<T>&, Index level) const override;

  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;

  const CellLayout& layout() const { return layout_; }

 private:
  CellRows<T> rows(const CellWeights<T>&, CellTape<T>&, Index level) const;
  CellCotangents<T> cotangents(CellTape<T>&, Index level) const;
  void forward_level(const CellWeights<T>&, CellTape<T>&, Index level) const;
  void backward_level(const CellWeights<T>&, CellTape<T>&, Index level) const;
  void feed_parents(const CellWeights<T>&, CellTape<T>&, Index level) const;
  void gather_edges(const CellWeights<T>&, CellTape<T>&, Index level) const;
  void scatter_edges(CellTape<T>&, Index level) const;
  void add_gradient(CellTape<T>&, const NodeSlice&, T* gradient) const;
  void add_feed_gradient(CellTape<T>&, const NodeSlice&, T* gradient) const;
  void add_graph_gradient(CellTape<T>&, const NodeSlice&, T* gradient) const;

  const CellKernels<T>& kernels_;
  const Products<T>& products_;
  CellLayout layout_;
};

}  // namespace recurra
