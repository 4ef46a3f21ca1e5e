// The cell layer backwards: level by level the cell's VJP with the transposed products between, then dx as one product.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

template <class T>
CellCotangents<T> CellLayer<T>::cotangents(CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index seeds = tape.seeds, node = schedule.first_node(level) * seeds;
  CellCotangents<T> d{};
  d.seeds = seeds;
  d.state = tape.dstate.data() + schedule.row(level) * seeds * layout_.state_width;
  d.state_stride = d.parent_stride = layout_.state_width;
  d.a = tape.da.data() + node * layout_.da_width;
  d.a_stride = layout_.da_width;
  d.message = tape.dmessage.data() + (tape.dmessage.empty() ? 0 : node * layout_.message_width);
  d.message_stride = tape.dmessage.empty() ? 0 : layout_.message_width;
  d.parent = tape.dstate.data() + (schedule.is_chain() ? schedule.row(level - 1) * seeds * layout_.state_width : 0);
  d.edge_a = tape.dedge_a.data();
  d.edge_a_stride = layout_.edge_width;
  return d;
}

template <class T>
void CellLayer<T>::backward_level(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  const CellRows<T> level_rows = rows(w, tape, level);
  const CellCotangents<T> d = cotangents(tape, level);
  const auto multiply = [&](const std::vector<typename CellWeights<T>::Pair>& pairs, const std::vector<GateProduct>& gates, T* to,
                            Index stride) {
    for (std::size_t i = 0; i < gates.size(); ++i)
      pairs[i].backward.multiply(products_, d.a + gates[i].column, d.a_stride, level_rows.rows * d.seeds, to + gates[i].slot,
                                 stride);
  };
  int segment = !w.message.empty() + !w.state.empty();
  kernels_.vjp[segment](level_rows, d);
  if (!w.state.empty()) {
    multiply(w.state, layout_.state_gates, d.state, d.state_stride);
    kernels_.vjp[--segment](level_rows, d);
  }
  if (!w.message.empty()) {
    multiply(w.message, layout_.message_gates, d.message, d.message_stride);
    kernels_.vjp[--segment](level_rows, d);
  }
  if (!tape.in->is_chain()) return scatter_edges(tape, level);
  for (std::size_t i = 0; i < w.feed.size(); ++i)
    w.feed[i].backward.multiply(products_, d.a + layout_.feed_runs[i].column, d.a_stride, level_rows.rows * d.seeds, d.parent,
                                d.parent_stride);
}

template <class T>
void CellLayer<T>::backward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const CellWeights<T>&>(weights);
  auto& tape = static_cast<CellTape<T>&>(base);
  const Schedule& schedule = *tape.in;
  const auto receive = [&](Index level) {  // graphs: what the level's states get back through the products R
    const Index row = schedule.row(level) * tape.seeds, count = schedule.size(level) * tape.seeds;
    for (std::size_t i = 0; i < w.feed.size(); ++i)
      w.feed[i].backward.multiply(products_, tape.dfed.data() + row * layout_.a_width + layout_.feed_runs[i].column,
                                  layout_.a_width, count, tape.dstate.data() + row * layout_.state_width, layout_.state_width);
  };
  for (Index level = levels.end - 1; level >= levels.begin; --level) {
    if (!schedule.is_chain()) receive(level);
    backward_level(w, tape, level);
  }
  if (!schedule.is_chain() && levels.begin == 1) receive(0);
  if (!tape.dx) return;
  const Index first = schedule.first_node(levels.begin) * tape.seeds;
  const Index count = schedule.first_node(levels.end) * tape.seeds - first;
  for (std::size_t i = 0; i < w.input.size(); ++i)
    w.input[i].backward.multiply(products_, tape.da.data() + first * layout_.da_width + layout_.input_runs[i].column,
                                 layout_.da_width, count, tape.dx + first * tape.dx_stride, tape.dx_stride);
}

template <class T>
void CellLayer<T>::clear_cotangents(Tape<T>& base) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  std::fill(tape.dstate.begin(), tape.dstate.end(), T(0));
  std::fill(tape.dfed.begin(), tape.dfed.end(), T(0));
}

#define RECURRA_INSTANTIATE(T)                                                     \
  template CellCotangents<T> CellLayer<T>::cotangents(CellTape<T>&, Index) const;  \
  template void CellLayer<T>::backward(const Weights<T>&, Tape<T>&, Levels) const; \
  template void CellLayer<T>::clear_cotangents(Tape<T>&) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
