// A cell run over a schedule: the one driver behind every cell. Products by the library, the rest by the cell's kernels.
#pragma once

#include "cell_layout.h"
#include "cell_tape.h"
#include "node_slice.h"

namespace recurra {

// Of an edge of a tree: which child of its node it is.
Index slot_of(const Schedule& schedule, Index node, Index edge);

// The kernel for a whole step of one row; its `run` is null if the cell has none, or the layer's stages step in between.
template <class T>
const CellStep<T>& whole_step_of(const CellVariants<T>&, const CellLayout&);

template <class T>
class CellLayer final : public Layer<T> {
 public:
  // `salt` tells the layer's random masks from those of others.
  CellLayer(const CellTable& table, const Kernels<T>& kernels, CellOptions options, std::uint64_t salt = 0);

  Index input_size() const override { return layout_.input_size; }
  Index output_size() const override { return layout_.output_width; }
  bool needs_time() const override { return true; }
  Domain domain() const override { return layout_.runs_over_trees() ? Domain::trees : Domain::time; }
  std::vector<ParameterSpec> parameters() const override { return layout_.parameters; }
  std::vector<StateSpec> state() const override;
  Work work(bool gives_dx) const override;  // cell_work.cpp

  std::unique_ptr<Weights<T>> make_weights() const override { return std::make_unique<CellWeights<T>>(); }
  void refresh(const T* params, Weights<T>&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override { return std::make_unique<CellTape<T>>(); }
  void reserve(Tape<T>&, bool backward) const override;
  void initial_state(const T* params, T* to) const override;
  void load_state(Tape<T>&, Index sequence, const T* from) const override;
  void save_state(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void save_cotangent(Tape<T>&, Index level, Index sequence, Index seed, T* to) const override;
  void add_cotangent(Tape<T>&, Index level, Index sequence, Index seed, const T* from) const override;
  std::vector<StateSpec> signals() const override;
  void save_signals(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void carry(Tape<T>&, Index level) const override;
  bool writes_anywhere(const Weights<T>&, const Tape<T>&) const override;

  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void advance(const Weights<T>&, Tape<T>&) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;
  void initial_gradient(Tape<T>&, GradientTarget<T>) const override;

  // Backwards through the cell's functions at a level alone, past all products: what a unit does to itself. Of a chain without
  // stages; d is apart from the tape, its d.parent is added to. d.state are the cotangents of the states, or (`inside`) those
  // that the sweep back left there: before `out`, where a product stands in front of it.
  void backward_units(const Weights<T>&, Tape<T>&, Index level, CellCotangents<T> d, bool inside = false) const;

  const CellLayout& layout() const { return layout_; }
  // Nodes read from no more nodes, and slots, than the cell and the layer admit. Throws std::invalid_argument.
  void check_nodes(const Schedule&) const;
  // A carried state in a row of states, and its cotangent in a row of cotangents (row * seeds + seed).
  T* carried(CellTape<T>&, const CarriedState&, Index row) const;
  const T* carried(const CellTape<T>&, const CarriedState&, Index row) const;
  T* carried_cotangent(CellTape<T>&, const CarriedState&, Index row) const;

 private:
  // Where things stand for these levels or nodes. Several levels: a run of the schedule's.
  CellRows<T> rows(const CellWeights<T>&, CellTape<T>&, Levels) const;
  CellCotangents<T> cotangents(CellTape<T>&, Levels) const;
  T* new_states(CellTape<T>&, Index node) const;  // what the cell writes: the states, or before zoneout
  Rows<T> fed(CellTape<T>&, Index row) const;     // what R multiplies
  Rows<T> fed_cotangents(CellTape<T>&, Index row) const;
  Rows<T> unmasked(CellTape<T>&, Index row) const;  // the same before variational dropout
  Rows<T> unmasked_cotangents(CellTape<T>&, Index row) const;

  // cell_forward.cpp, cell_backward.cpp, cell_tangent.cpp
  void forward_run(const CellWeights<T>&, CellTape<T>&, Levels) const;
  void backward_run(const CellWeights<T>&, CellTape<T>&, Levels) const;
  void tangent_level(const CellWeights<T>&, CellTape<T>&, Index level) const;

  // cell_step.cpp: a level of one row in a stream
  void pack_step(const T* params, CellWeights<T>&) const;
  bool steps(const CellWeights<T>& w) const { return w.row && !layout_.options.layer_norm; }
  // Whether every level is a step of its own; else W x of a block of steps is one product.
  bool only_steps(const CellWeights<T>& w) const { return steps(w) && w.row->narrow(); }
  void step(const CellWeights<T>&, CellTape<T>&, Index level, const T* x) const;
  // cell_whole_step.cpp: the same in one kernel
  bool steps_whole(const CellWeights<T>& w, const CellTape<T>& tape) const { return !w.step.all.empty() && tape.row.padded > 0; }
  void pack_whole_step(const T* params, CellWeights<T>&) const;
  void whole_step(const CellWeights<T>&, CellTape<T>&, const T* x) const;

  // cell_tree.cpp
  void reserve_tree(CellTape<T>&, bool backward) const;
  void gather_source(CellTape<T>&, Index level) const;
  void read_children(const CellWeights<T>&, CellTape<T>&, Index level) const;
  void give_children(const CellWeights<T>&, CellTape<T>&, Index level) const;
  void receive(const CellWeights<T>&, CellTape<T>&, Index level) const;
  void add_tree_gradient(CellTape<T>&, T* gradient) const;

  // cell_bilinear.cpp: for these rows of sources
  void reserve_bilinear(CellTape<T>&, Index sources, bool backward) const;
  void add_bilinear(const CellWeights<T>&, CellTape<T>&, NodeRange, Rows<T> a) const;
  void add_bilinear_back(const CellWeights<T>&, CellTape<T>&, NodeRange, Rows<const T> d, Rows<T> dsource) const;
  void add_bilinear_gradient(CellTape<T>&, Index sources, T* gradient) const;

  // cell_gradient.cpp
  void add_gradient(CellTape<T>&, const NodeSlice&, T* gradient) const;
  Rows<const T> fed_by_parents(CellTape<T>&, const NodeSlice&) const;
  void add_stage_gradient(CellTape<T>&, const NodeSlice&, T* gradient) const;

  // cell_norm.cpp: recurrent products on their way to the pre-activations, normalised where the layer says so,
  void add_product(const PackedGates<T>&, const GateMatrix&, const std::vector<T>& gain, Rows<const T> source, CellTape<T>&,
                   NodeRange) const;
  // the tangents of all products,
  void add_product_tangent(const PackedGates<T>&, const GateMatrix&, const std::vector<T>& gain, NormTape<T>&,
                           Rows<const T> dsource, CellTape<T>&, NodeRange) const;
  // and the cotangents of products from a row of cotangents (node * seeds + seed) on, once normalize_back has made them.
  Rows<const T> product_cotangents(CellTape<T>&, const NormTape<T>&, Index row) const;
  // What a product left in norm.value becomes normal there, and with its gain part of the pre-activations, which begin with
  // `start`, one row for all, or (null) with what is there.
  void normalize(const GateMatrix&, const std::vector<T>& gain, NormTape<T>&, const T* start, CellTape<T>&, NodeRange) const;
  void normalize_back(const GateMatrix&, const std::vector<T>& gain, NormTape<T>&, CellTape<T>&, NodeRange) const;
  // Of the gains from `column` on; d: the cotangents of what they gave, at the first of the nodes.
  void add_gain_gradient(NormTape<T>&, Index column, Index width, Rows<const T> d, const NodeSlice&, T* gradient) const;
  // The segment `out` on normalised states. Back, d.state are the cotangents after out, and become those before.
  void run_out_normalized(const CellWeights<T>&, CellTape<T>&, CellRows<T>, Index first_node, int segment) const;
  void run_out_normalized_back(const CellWeights<T>&, CellTape<T>&, CellRows<T>, CellCotangents<T> d, Index first_node,
                               int segment) const;
  void run_out_normalized_tangent(const CellWeights<T>&, CellTape<T>&, CellRows<T>, CellCotangents<T> d, Index first_node,
                                  int segment) const;
  // Puts the states that out sees in tape.seen.
  void normalize_states(const CellWeights<T>&, CellTape<T>&, const CellRows<T>&, Index first_node) const;

  // cell_noise.cpp: zoneout and variational dropout.
  void zone_out(CellTape<T>&, Index level) const;
  void zone_out_back(CellTape<T>&, Index level) const;
  void zone_out_tangent(CellTape<T>&, Index level) const;
  bool drops(const CellTape<T>& tape) const { return layout_.options.recurrent_dropout > 0 && tape.noise.training; }
  void draw_feed_mask(CellTape<T>&) const;
  void mask_feed(CellTape<T>&, Index level) const;
  void mask_feed_back(CellTape<T>&, Index level) const;
  void mask_feed_tangent(CellTape<T>&, Index level) const;

  CellLayout layout_;
  const CellKernels<T>& kernels_;
  const CellStep<T>& whole_step_;
  const Kernels<T>& library_;
  const Products<T>& products_;
  std::uint64_t salt_;
};

}  // namespace recurra
