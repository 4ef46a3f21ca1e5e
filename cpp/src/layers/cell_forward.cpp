// The cell layer forwards: W x of all levels as one product, then level by level R times the fed states and the cell's
// functions, with the products of messages and new states between them.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

template <class T>
CellRows<T> CellLayer<T>::rows(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index node = schedule.first_node(level);
  const bool chain = schedule.is_chain();
  CellRows<T> rows{};
  rows.rows = schedule.size(level);
  rows.units = layout_.hidden_size;
  rows.params = w.unit.data();
  rows.a = tape.a.data() + node * layout_.a_width;
  rows.a_stride = layout_.a_width;
  rows.message = tape.message.data() + (tape.message.empty() ? 0 : node * layout_.message_width);
  rows.message_stride = tape.message.empty() ? 0 : layout_.message_width;
  rows.state = tape.state.data() + schedule.row(level) * layout_.state_width;
  rows.state_stride = rows.parent_stride = layout_.state_width;
  rows.parent = tape.state.data() + (chain ? schedule.row(level - 1) * layout_.state_width : 0);
  if (!chain) {
    rows.edge_begin = schedule.edge_begin().data() + node;
    rows.parent_row = schedule.parent_row().data();
    rows.edge_a = tape.edge_a.data();
    rows.edge_a_stride = layout_.edge_width;
  }
  return rows;
}

// Pre-activations take R times the fed states of the parents.
template <class T>
void CellLayer<T>::feed_parents(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  if (!schedule.is_chain()) return gather_edges(w, tape, level);
  const T* parents = tape.state.data() + schedule.row(level - 1) * layout_.state_width;
  T* a = tape.a.data() + schedule.first_node(level) * layout_.a_width;
  for (std::size_t i = 0; i < w.feed.size(); ++i)
    w.feed[i].forward.multiply(products_, parents, layout_.state_width, schedule.size(level), a + layout_.feed_runs[i].column,
                               layout_.a_width);
}

template <class T>
void CellLayer<T>::forward_level(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  feed_parents(w, tape, level);
  const CellRows<T> level_rows = rows(w, tape, level);
  T* a = tape.a.data() + tape.in->first_node(level) * layout_.a_width;
  const auto multiply = [&](const std::vector<typename CellWeights<T>::Pair>& pairs, const std::vector<GateProduct>& gates,
                            const T* source, Index stride) {
    for (std::size_t i = 0; i < gates.size(); ++i)
      pairs[i].forward.multiply(products_, source + gates[i].slot, stride, level_rows.rows, a + gates[i].column, layout_.a_width);
  };
  int segment = 0;
  kernels_.forward[segment++](level_rows);
  if (!w.message.empty()) {
    multiply(w.message, layout_.message_gates, level_rows.message, level_rows.message_stride);
    kernels_.forward[segment++](level_rows);
  }
  if (!w.state.empty()) {
    multiply(w.state, layout_.state_gates, level_rows.state, level_rows.state_stride);
    kernels_.forward[segment++](level_rows);
  }
}

template <class T>
void CellLayer<T>::forward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const CellWeights<T>&>(weights);
  auto& tape = static_cast<CellTape<T>&>(base);
  const Index first = tape.in->first_node(levels.begin), count = tape.in->first_node(levels.end) - first;
  T* a = tape.a.data() + first * layout_.a_width;
  for (Index i = 0; i < count; ++i) std::copy_n(w.bias_row.data(), layout_.a_width, a + i * layout_.a_width);
  for (std::size_t i = 0; i < w.input.size(); ++i)
    w.input[i].forward.multiply(products_, tape.x + first * tape.x_stride, tape.x_stride, count, a + layout_.input_runs[i].column,
                                layout_.a_width);
  for (Index level = levels.begin; level < levels.end; ++level) forward_level(w, tape, level);
}

#define RECURRA_INSTANTIATE(T)                                                               \
  template CellRows<T> CellLayer<T>::rows(const CellWeights<T>&, CellTape<T>&, Index) const; \
  template void CellLayer<T>::forward(const Weights<T>&, Tape<T>&, Levels) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
