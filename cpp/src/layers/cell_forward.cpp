// The cell layer forwards: W x of all levels as one product, then level by level R times the fed states and the cell's
// functions, with the products of messages and new states between them and the stages after them.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

template <class T>
T* CellLayer<T>::new_states(CellTape<T>& tape, Index node) const {
  return layout_.has_raw_states() ? tape.raw.data() + node * layout_.state_width
                                  : tape.state.data() + (tape.in->num_roots() + node) * layout_.state_width;
}

template <class T>
CellRows<T> CellLayer<T>::rows(const CellWeights<T>& w, CellTape<T>& tape, Levels levels) const {
  const Schedule& schedule = *tape.in;
  const Index node = schedule.first_node(levels.begin);
  const bool chain = schedule.is_chain();
  CellRows<T> rows{};
  rows.rows = schedule.first_node(levels.end) - node;
  rows.units = layout_.hidden_size;
  rows.params = w.unit.data();
  rows.a = tape.a.data() + node * layout_.a_width;
  rows.a_stride = layout_.a_width;
  rows.keep_gates = tape.da != nullptr;
  rows.message = tape.message.data() + (tape.message.empty() ? 0 : node * layout_.message_width);
  rows.message_stride = tape.message.empty() ? 0 : layout_.message_width;
  rows.state = new_states(tape, node);
  rows.state_stride = rows.parent_stride = layout_.state_width;
  rows.parent = tape.state.data() + (chain ? schedule.row(levels.begin - 1) * layout_.state_width : 0);
  if (!chain) {
    rows.edge_begin = schedule.edge_begin().data() + node;
    rows.parent_row = schedule.parent_row().data();
    rows.edge_a = tape.edge_a.data();
    rows.edge_a_stride = layout_.edge_width;
  }
  return rows;
}

template <class T>
void CellLayer<T>::forward_run(const CellWeights<T>& w, CellTape<T>& tape, Levels levels) const {
  const Schedule& schedule = *tape.in;
  const Index level = levels.begin;  // the only one, unless only units recur
  const NodeRange nodes{schedule.first_node(level), schedule.first_node(levels.end) - schedule.first_node(level)};
  const auto multiply = [&](const PackedGates<T>& packed, const GateMatrix& matrix, Rows<const T> source) {
    add_product(packed, matrix, w.recurrent_gain, source, tape, nodes);
  };
  if (layout_.options.layer_norm) normalize(layout_.input, w.input_gain, tape.input_norm, w.bias_row.data(), tape, nodes);
  if (schedule.is_chain()) {
    const Index parents = schedule.row(level - 1);
    if (drops(tape)) mask_feed(tape, level);
    const Rows<T> source = fed(tape, parents);
    multiply(w.feed, layout_.feed, {source.data, source.stride});
  } else {
    read_children(w, tape, level);
  }
  const CellRows<T> level_rows = rows(w, tape, levels);
  int segment = 0;
  kernels_.forward[segment++](level_rows);
  if (!layout_.message.products.empty()) {
    multiply(w.message, layout_.message, {level_rows.message, level_rows.message_stride});
    kernels_.forward[segment++](level_rows);
  }
  if (!layout_.state.products.empty()) multiply(w.state, layout_.state, {level_rows.state, level_rows.state_stride});
  if (layout_.normalizes_states())
    run_out_normalized(w, tape, level_rows, nodes.first, segment);
  else if (!layout_.state.products.empty())
    kernels_.forward[segment](level_rows);
  if (layout_.has_raw_states()) zone_out(tape, level);
  if (layout_.projects()) {
    const Index row = schedule.row(level), width = layout_.options.projection;
    w.projection.forward.multiply_from(products_, nullptr, tape.state.data() + row * layout_.state_width, layout_.state_width,
                                       nodes.count, tape.projected.data() + row * width, width);
  }
}

template <class T>
void CellLayer<T>::forward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const CellWeights<T>&>(weights);
  auto& tape = static_cast<CellTape<T>&>(base);
  const Index first = tape.in->first_node(levels.begin), count = tape.in->first_node(levels.end) - first;
  if (steps(w) && (count == 1 || only_steps(w))) {
    for (Index i = 0; i < count; ++i) step(w, tape, levels.begin + i, tape.x + (first + i) * tape.x_stride);
    return;
  }
  T* a = tape.a.data() + first * layout_.a_width;
  const Rows<const T> x{tape.x + first * tape.x_stride, tape.x_stride};
  const auto copy_bias = [&](Index begin, Index end) {
    for (Index i = 0; i < count && begin < end; ++i)
      std::copy(w.bias_row.begin() + begin, w.bias_row.begin() + end, a + i * layout_.a_width + begin);
  };
  Index end = 0;  // of the gates with W x
  for (const GateRun& run : layout_.input.runs) {
    copy_bias(end, run.column);
    end = run.column + run.width;
  }
  copy_bias(end, layout_.a_width);
  if (layout_.options.layer_norm)
    w.input.set(products_, layout_.input, nullptr, x, count,
                {tape.input_norm.value.data() + first * layout_.a_width, layout_.a_width});
  else
    w.input.set(products_, layout_.input, w.bias_row.data(), x, count, {a, layout_.a_width});
  if (levels.begin == 1 && drops(tape)) draw_feed_mask(tape);
  for (Index level = levels.begin; level < levels.end;) {
    const Levels run = layout_.only_units_recur() ? tape.in->run_from(level, levels.end) : Levels{level, level + 1};
    if (steps(w) && run.end - level == 1)
      step(w, tape, level, nullptr);
    else
      forward_run(w, tape, run);
    level = run.end;
  }
}

#define RECURRA_INSTANTIATE(T)                                                                \
  template T* CellLayer<T>::new_states(CellTape<T>&, Index) const;                            \
  template CellRows<T> CellLayer<T>::rows(const CellWeights<T>&, CellTape<T>&, Levels) const; \
  template void CellLayer<T>::forward(const Weights<T>&, Tape<T>&, Levels) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
