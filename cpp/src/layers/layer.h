// The layer interface. A layer is const; what changes lives in its Weights (the parameters as last refreshed, in the form the
// kernels read) and its Tape (one workspace's activations and cotangents).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../backends/backend.h"
#include "../topology/compiled_topology.h"
#include "bytes.h"
#include "recurra/weight_format.h"
#include "recurra/work.h"

namespace recurra {

// One named parameter of a layer, row-major. What it is for decides how it is drawn at first (network/initialization.h).
struct ParameterSpec {
  enum class Role { input_weight, recurrent_weight, bias, unit, drawn_by_cell, gain, zero, embedding };
  std::string name;
  std::vector<Index> shape;
  Role role = Role::input_weight;
  double scale = 0;          // half-width of the uniform distribution; of an embedding, the standard deviation of the normal one
  Index block = 0;           // rows of one gate (or head) of a weight; 0: all
  Levels forget_gate{0, 0};  // of a bias: the rows of the forget gate
  void (*cell_initial)(const double* uniform, double* u) = nullptr;  // drawn_by_cell: see CellInfo::initial,
  int cell_param = 0;                                                // and which of its results
  Index size() const {
    Index product = 1;
    for (const Index extent : shape) product *= extent;
    return product;
  }
};

// One named block of the state that a layer carries from step to step.
struct StateSpec {
  std::string name;
  Index width;
};

// What weights that go forward one row at a time are for: a stream.
class RowTeam;
struct RowUse {
  WeightFormat format = WeightFormat::full;
  RowTeam* team = nullptr;  // who shares large products; null: the caller alone
  bool narrow() const { return format != WeightFormat::full; }
};

template <class T>
struct Weights {
  virtual ~Weights() = default;
  virtual std::size_t bytes() const { return 0; }  // that it has allocated
  bool gives_dx = true;                            // false: nobody asks for dx, and what only it needs may be left out
  bool borrows = false;                            // the parameters stay as refreshed while these are used: no copy is needed
  // Given: for streams of one row. Then they are packed for that, and beside it only what a block of steps multiplies by at once:
  // nothing if they are narrow, which would take it up again. Nobody goes back.
  const RowUse* row = nullptr;
};

// What dropout needs to draw the same mask whatever the order of rows and the number of threads.
struct Noise {
  bool training = false;
  std::uint64_t key = 0;
  const Index* sequence = nullptr;  // the caller's number of each sequence, or structure
  const Index* node = nullptr;      // over trees and graphs: of each node of the schedule
  Index before = 0;                 // steps of the sequences before the first level, which masks count from
};

// What Feedback feeds back instead of outputs of its own: what was really seen.
template <class T>
struct Teacher {
  const T* rows = nullptr;  // [out nodes][width of one thing fed back]; null: nobody knows, the loop is closed
  double sampling = 0;      // how likely a step's own output is fed back nevertheless (scheduled sampling)
};

template <class T>
struct Memory;

template <class T>
struct Tape {
  virtual ~Tape() = default;
  virtual std::size_t bytes() const { return 0; }  // that it has allocated
  const Schedule* in = nullptr;                    // of x
  const Schedule* out = nullptr;                   // of y; differs from `in` for layers that pool or decode
  const CompiledTopology* topology = nullptr;      // over trees and graphs; `in` is its schedule
  Index seeds = 1;                                 // cotangents per row
  bool goes_back_once = false;                     // each level, which may then overwrite what it was computed with
  const T* x = nullptr;                            // [in nodes][input width], rows x_stride apart
  Index x_stride = 0;
  T* y = nullptr;  // [out nodes][output width]
  Index y_stride = 0;
  T* dx = nullptr;  // [in nodes * seeds][input width], added to; null where nobody asks
  Index dx_stride = 0;
  T* dy = nullptr;  // [out nodes * seeds][output width]
  Index dy_stride = 0;
  const Index* order = nullptr;  // [out roots], of layers that decode: the sequence of `in` that one of `out` belongs to
  Noise noise;
  Teacher<T> teacher;
  Memory<T>* memory = nullptr;  // what attention looks at
};

// Where `gradient` adds: one vector for the sum over all rows, or (stride > 0) one per sequence and seed, `stride` apart.
template <class T>
struct GradientTarget {
  T* data;
  Index stride = 0;
};

enum class Input { features, ids };

template <class T>
class Layer;

// A layer inside another one.
template <class T>
struct Part {
  std::string name;  // what the names of its parameters begin with
  const Layer<T>* layer;
  bool gives_dx;  // whether somebody asks for its dx
  Pace pace{};
};

template <class T>
class Layer {
 public:
  virtual ~Layer() = default;
  virtual Index input_size() const = 0;  // 0: any
  virtual Index output_size() const = 0;
  virtual Input input() const { return Input::features; }
  virtual Domain domain() const { return Domain::any; }
  virtual bool pools() const { return false; }        // (time, features) -> (features), or of the nodes of a structure
  virtual bool needs_time() const { return false; }   // refuses an input without a time axis
  virtual bool looks_ahead() const { return false; }  // needs all levels of a sequence at once
  virtual bool decodes() const { return false; }      // its output has a length of its own
  // The widths of what the Feedback layers inside feed back, as far as a teacher reaches them.
  virtual std::vector<Index> feedbacks() const { return {}; }
  // Of what a layer needs of trees or graphs beyond their kind. Throws std::invalid_argument that names the place.
  virtual void check(const CompiledTopology&) const {}
  virtual std::vector<ParameterSpec> parameters() const { return {}; }
  // What its products cost, where somebody asks for dx or nobody does. The default: each element of a weight is multiplied once
  // per step, once more for dx and once more for its gradient.
  virtual Work work(bool gives_dx) const;
  virtual std::vector<Part<T>> parts(bool gives_dx) const { return (void)gives_dx, std::vector<Part<T>>{}; }
  std::string description;  // of its own, without the layers inside; empty: a part of the layer around it
  virtual std::vector<StateSpec> state() const { return {}; }

  virtual std::unique_ptr<Weights<T>> make_weights() const { return std::make_unique<Weights<T>>(); }
  // The parameters moved: `params` is this layer's part of the flat vector.
  virtual void refresh(const T* params, Weights<T>&) const { (void)params; }

  virtual std::unique_ptr<Tape<T>> make_tape() const = 0;
  // Sizes the tape for tape.in, tape.out and tape.seeds, with room for cotangents if `backward`, and sets y and dy.
  virtual void reserve(Tape<T>&, bool backward) const = 0;
  // The state that sequences start from, `state().width`s in order. The default: zeros.
  virtual void initial_state(const T* params, T* to) const;
  // The state of one sequence at the roots, in that order; and back, after `level`.
  virtual void load_state(Tape<T>&, Index sequence, const T* from) const { (void)sequence, (void)from; }
  virtual void save_state(const Tape<T>&, Index level, Index sequence, T* to) const { (void)level, (void)sequence, (void)to; }
  // The cotangent of the state after `level` (0: before the first) of one seed of a sequence, in the order of the state: to, and
  // added from. After `tangent`, the tangent of that state. Pooling layers have none: no gradient passes through what they carry.
  virtual void save_cotangent(Tape<T>&, Index level, Index sequence, Index seed, T* to) const;
  virtual void add_cotangent(Tape<T>&, Index level, Index sequence, Index seed, const T* from) const {
    (void)level, (void)sequence, (void)seed, (void)from;
  }
  // What can be looked at after `forward` (and before `backward`, if the tape goes back once): states and gates, by name.
  virtual std::vector<StateSpec> signals() const { return {}; }
  virtual void save_signals(const Tape<T>&, Index level, Index sequence, T* to) const { (void)level, (void)sequence, (void)to; }
  // Makes the states of this level (as wide as the roots) the roots: the next step continues from there.
  virtual void carry(Tape<T>&, Index level) const { (void)level; }
  // Whether a step of a stream may have tape.y moved to where its output is wanted.
  virtual bool writes_anywhere(const Weights<T>&, const Tape<T>&) const { return false; }
  // Puts what was really seen in the place of the output that the roots of a sequence feed back.
  virtual void observe(Tape<T>&, Index sequence, const T* seen) const { (void)sequence, (void)seen; }

  virtual void forward(const Weights<T>&, Tape<T>&, Levels) const = 0;
  // A step of a stream: level 1, whose states become the roots.
  virtual void advance(const Weights<T>& weights, Tape<T>& tape) const {
    forward(weights, tape, {1, 2});
    carry(tape, 1);
  }
  // The JVP along the tape of `forward`, weights held: dx and the tangents of the states before -> dy and those after. Tangents
  // live where cotangents do. Chains only.
  virtual void tangent(const Weights<T>&, Tape<T>&, Levels) const = 0;
  // Zeroes what backward adds to: dy, the states' cotangents, and a gradient's part that is summed on the way.
  virtual void clear_cotangents(Tape<T>&) const = 0;
  // Levels from the last to the first: dy (and the states' cotangents) -> dx and the cotangents of the states before.
  virtual void backward(const Weights<T>&, Tape<T>&, Levels) const = 0;
  // Adds the gradient of these levels, after `backward` went through them. Where levels go back once: the sum alone, and of just
  // the levels that went back since the last gradient.
  virtual void gradient(Tape<T>&, Levels, GradientTarget<T>) const {}
  // Adds the gradient of a learned initial state, after `backward` reached the first level of sequences that started there.
  virtual void initial_gradient(Tape<T>&, GradientTarget<T>) const {}
};

template <class T>
Work Layer<T>::work(bool gives_dx) const {
  using Role = ParameterSpec::Role;
  Work work;
  for (const ParameterSpec& spec : parameters())
    if (spec.role == Role::input_weight || spec.role == Role::recurrent_weight) work.forward[Per::step] += double(spec.size());
  work.training[Per::step] = work.forward[Per::step] * (gives_dx ? 3 : 2);
  return work;
}

template <class T>
void Layer<T>::initial_state(const T* params, T* to) const {
  (void)params;
  for (const StateSpec& block : state()) to = std::fill_n(to, block.width, T(0));
}

template <class T>
void Layer<T>::save_cotangent(Tape<T>&, Index, Index, Index, T* to) const {
  for (const StateSpec& block : state()) to = std::fill_n(to, block.width, T(0));
}

// A tape that owns a plain output and its cotangent, for layers without state.
template <class T>
struct PlainTape : Tape<T> {
  std::vector<T> output, doutput, scratch;
  std::size_t bytes() const override { return bytes_of(output, doutput, scratch); }
};

template <class T>
void reserve_plain(PlainTape<T>& tape, Index width, bool backward) {
  const std::size_t rows = std::size_t(tape.out->num_nodes());
  tape.output.resize(rows * std::size_t(width));
  if (backward) tape.doutput.resize(tape.output.size() * std::size_t(tape.seeds));
  tape.y = tape.output.data();
  tape.dy = tape.doutput.data();
  tape.y_stride = tape.dy_stride = width;
}

template <class T>
void clear_plain(Tape<T>& tape) {
  auto& doutput = static_cast<PlainTape<T>&>(tape).doutput;
  std::fill(doutput.begin(), doutput.end(), T(0));
}

}  // namespace recurra
