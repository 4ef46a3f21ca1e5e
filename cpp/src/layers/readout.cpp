#include "readout.h"

#include <stdexcept>

#include "../topology/compiled_forest.h"
#include "aligned_vector.h"

namespace recurra {

namespace {

template <class T>
struct ReadoutTape : PlainTape<T> {
  std::vector<Index> structure;  // by node of the schedule, or of its root (-1: it is none)
  std::vector<T> share;          // mean: by structure, one over its nodes
  std::vector<Index> winner;     // max: [structures][size], the node; -1: none
  std::size_t bytes() const override { return PlainTape<T>::bytes() + bytes_of(structure, share, winner); }
};

template <class T>
struct GatedTape : WrapperTape<T> {
  std::vector<Index> structure;
  AlignedVector<T> open, value;  // [nodes][size]: sigmoid and tanh
  std::size_t bytes() const override { return WrapperTape<T>::bytes() + bytes_of(structure, open, value); }
};

std::vector<Index> structures_by_node(const CompiledTopology& topology) {
  std::vector<Index> structure;
  structure.reserve(std::size_t(topology.num_nodes()));
  for (Index node = 0; node < topology.num_nodes(); ++node)
    structure.push_back(topology.structure_of[std::size_t(topology.number(node))]);
  return structure;
}

// Only roots have one, and each structure one root.
void keep_roots(const CompiledForest& forest, std::vector<Index>& structure) {
  std::vector<char> is_root(structure.size(), 0);
  for (const Index v : forest.roots) is_root[std::size_t(v)] = true;
  for (std::size_t node = 0; node < structure.size(); ++node)
    if (!is_root[std::size_t(forest.number(Index(node)))]) structure[node] = -1;
}

template <class T>
void zero_output(Tape<T>& tape, Index width) {
  std::fill_n(tape.y, tape.out->num_nodes() * width, T(0));
}

}  // namespace

template <class T>
void Readout<T>::check(const CompiledTopology& topology) const {
  if (pool_ != Pool::root) return;
  std::vector<char> has_root(topology.sizes.size(), 0);
  for (const Index v : static_cast<const CompiledForest&>(topology).roots) {
    const std::size_t tree = std::size_t(topology.structure_of[std::size_t(v)]);
    if (has_root[tree])
      throw std::invalid_argument("Readout: tree " + std::to_string(tree) + " has more than one root, expected one for 'root'");
    has_root[tree] = true;
  }
}

template <class T>
std::unique_ptr<Tape<T>> Readout<T>::make_tape() const {
  return std::make_unique<ReadoutTape<T>>();
}

template <class T>
void Readout<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<ReadoutTape<T>&>(base);
  if (!tape.topology) throw std::logic_error("Readout: expected trees or graphs");
  reserve_plain(tape, size_, backward);
  check(*tape.topology);
  tape.structure = structures_by_node(*tape.topology);
  if (pool_ == Pool::root) keep_roots(static_cast<const CompiledForest&>(*tape.topology), tape.structure);
  tape.share.clear();
  for (const Index size : tape.topology->sizes) tape.share.push_back(pool_ == Pool::mean && size > 0 ? T(1) / T(size) : T(1));
  if (pool_ == Pool::max) tape.winner.resize(tape.output.size());
}

template <class T>
void Readout<T>::forward(const Weights<T>&, Tape<T>& base, Levels) const {
  auto& tape = static_cast<ReadoutTape<T>&>(base);
  zero_output(tape, size_);
  std::fill(tape.winner.begin(), tape.winner.end(), Index(-1));
  for (std::size_t node = 0; node < tape.structure.size(); ++node) {
    const Index s = tape.structure[node];
    if (s < 0) continue;
    const T* x = tape.x + Index(node) * tape.x_stride;
    T* y = tape.y + s * size_;
    if (pool_ == Pool::max) {
      Index* winner = tape.winner.data() + s * size_;
      for (Index j = 0; j < size_; ++j)
        if (winner[j] < 0 || x[j] > y[j] || x[j] != x[j]) {  // a NaN must not be passed over; once there, it stays
          y[j] = x[j];
          winner[j] = Index(node);
        }
    } else {
      const T share = tape.share[std::size_t(s)];
      for (Index j = 0; j < size_; ++j) y[j] += share * x[j];
    }
  }
}

template <class T>
void Readout<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const {
  throw std::logic_error("Readout: tangents are for sequences");
}

template <class T>
void Readout<T>::backward(const Weights<T>&, Tape<T>& base, Levels) const {
  auto& tape = static_cast<ReadoutTape<T>&>(base);
  if (!tape.dx) return;
  if (pool_ == Pool::max) {
    for (std::size_t i = 0; i < tape.winner.size(); ++i)
      if (tape.winner[i] >= 0) tape.dx[tape.winner[i] * tape.dx_stride + Index(i) % size_] += tape.dy[i];
    return;
  }
  for (std::size_t node = 0; node < tape.structure.size(); ++node) {
    const Index s = tape.structure[node];
    if (s < 0) continue;
    T* dx = tape.dx + Index(node) * tape.dx_stride;
    for (Index j = 0; j < size_; ++j) dx[j] += tape.share[std::size_t(s)] * tape.dy[s * size_ + j];
  }
}

template <class T>
std::unique_ptr<Tape<T>> GatedReadout<T>::make_tape() const {
  auto tape = std::make_unique<GatedTape<T>>();
  tape->children.push_back(this->child(0).make_tape());
  return tape;
}

template <class T>
void GatedReadout<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<GatedTape<T>&>(base);
  if (!tape.topology) throw std::logic_error("Readout: expected trees or graphs");
  reserve_plain(tape, output_size(), backward);
  tape.structure = structures_by_node(*tape.topology);
  for (AlignedVector<T>* part : {&tape.open, &tape.value}) part->resize(tape.structure.size() * std::size_t(output_size()));
  Tape<T>& linear = this->tape(base, 0);
  linear.in = linear.out = base.in;
  linear.x = base.x;
  linear.x_stride = base.x_stride;
  this->child(0).reserve(linear, backward);
}

template <class T>
void GatedReadout<T>::forward(const Weights<T>& w, Tape<T>& base, Levels) const {
  auto& tape = static_cast<GatedTape<T>&>(base);
  const Index size = output_size();
  this->link(base, 0, base.x, base.x_stride, base.dx, base.dx_stride);
  Tape<T>& linear = this->tape(base, 0);
  this->child(0).forward(this->weights(w, 0), linear, base.in->all_levels());
  zero_output(tape, size);
  for (std::size_t node = 0; node < tape.structure.size(); ++node) {
    const T* a = linear.y + Index(node) * linear.y_stride;
    T *open = tape.open.data() + Index(node) * size, *value = tape.value.data() + Index(node) * size;
    kernels_.logistic.value(a, size, open);
    kernels_.tanh.value(a + size, size, value);
    T* y = tape.y + tape.structure[node] * size;
    for (Index j = 0; j < size; ++j) y[j] += open[j] * value[j];
  }
}

template <class T>
void GatedReadout<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const {
  throw std::logic_error("Readout: tangents are for sequences");
}

template <class T>
void GatedReadout<T>::backward(const Weights<T>& w, Tape<T>& base, Levels) const {
  auto& tape = static_cast<GatedTape<T>&>(base);
  const Index size = output_size();
  this->link(base, 0, base.x, base.x_stride, base.dx, base.dx_stride);
  Tape<T>& linear = this->tape(base, 0);
  for (std::size_t node = 0; node < tape.structure.size(); ++node) {
    const T *open = tape.open.data() + Index(node) * size, *value = tape.value.data() + Index(node) * size;
    const T* dy = tape.dy + tape.structure[node] * size;
    T* da = linear.dy + Index(node) * linear.dy_stride;
    for (Index j = 0; j < size; ++j) {
      da[j] += dy[j] * value[j] * open[j] * (1 - open[j]);
      da[size + j] += dy[j] * open[j] * (1 - value[j] * value[j]);
    }
  }
  this->child(0).backward(this->weights(w, 0), linear, base.in->all_levels());
}

#define RECURRA_INSTANTIATE(T) \
  template class Readout<T>;   \
  template class GatedReadout<T>;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
