// The cell layer backwards: level by level the stages and the cell's VJP with the transposed products between, then dx as one
// product.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

template <class T>
CellCotangents<T> CellLayer<T>::cotangents(CellTape<T>& tape, Levels levels) const {
  const Schedule& schedule = *tape.in;
  const Index seeds = tape.seeds, level = levels.begin, node = schedule.first_node(level) * seeds;
  CellCotangents<T> d{};
  d.seeds = seeds;
  d.state = layout_.has_raw_states() ? tape.draw.data() + node * layout_.state_width
                                     : tape.dstate.data() + schedule.row(level) * seeds * layout_.state_width;
  d.state_stride = d.parent_stride = layout_.state_width;
  d.a = tape.da + node * layout_.da_width;
  d.a_stride = layout_.da_width;
  d.message = tape.dmessage.data() + (tape.dmessage.empty() ? 0 : node * layout_.message_width);
  d.message_stride = tape.dmessage.empty() ? 0 : layout_.message_width;
  d.parent = tape.dstate.data() + (schedule.is_chain() ? schedule.row(level - 1) * seeds * layout_.state_width : 0);
  d.edge_a = tape.dedge_a.data();
  d.edge_a_stride = layout_.edge_width;
  return d;
}

namespace {

// The same rows from the last to the first: what a row gives to its parent is there before the parent's turn.
template <class T>
void turn_around(CellRows<T>& rows, CellCotangents<T>& d) {
  const auto turn = [](auto*& first, Index& stride, Index count) {
    first += (count - 1) * stride;
    stride = -stride;
  };
  turn(rows.a, rows.a_stride, rows.rows);
  turn(rows.message, rows.message_stride, rows.rows);
  turn(rows.state, rows.state_stride, rows.rows);
  turn(rows.parent, rows.parent_stride, rows.rows);
  const Index count = rows.rows * d.seeds;
  turn(d.a, d.a_stride, count);
  turn(d.message, d.message_stride, count);
  turn(d.state, d.state_stride, count);
  turn(d.parent, d.parent_stride, count);
}

}  // namespace

template <class T>
void CellLayer<T>::backward_run(const CellWeights<T>& w, CellTape<T>& tape, Levels levels) const {
  const Schedule& schedule = *tape.in;
  const Index level = levels.begin;  // the only one, unless only units recur
  const NodeRange nodes{schedule.first_node(level), schedule.first_node(levels.end) - schedule.first_node(level)};
  const auto multiply = [&](const PackedGates<T>& packed, const GateMatrix& matrix, Rows<T> dsource) {
    if (layout_.options.layer_norm) normalize_back(matrix, w.recurrent_gain, tape.recurrent_norm, tape, nodes);
    packed.add_back(products_, matrix, product_cotangents(tape, tape.recurrent_norm, nodes.first * tape.seeds),
                    nodes.count * tape.seeds, dsource);
  };
  if (layout_.projects()) {
    const Index row = schedule.row(level) * tape.seeds, width = layout_.options.projection;
    w.projection.backward.multiply(products_, tape.dprojected.data() + row * width, width, nodes.count * tape.seeds,
                                   tape.dstate.data() + row * layout_.state_width, layout_.state_width);
  }
  if (layout_.has_raw_states()) zone_out_back(tape, level);
  CellRows<T> level_rows = rows(w, tape, levels);
  CellCotangents<T> d = cotangents(tape, levels);
  const Rows<T> dstate{d.state, d.state_stride};
  if (levels.end - level > 1) turn_around(level_rows, d);
  int segment = !layout_.message.products.empty() + (layout_.normalizes_states() || !layout_.state.products.empty());
  if (layout_.normalizes_states())
    run_out_normalized_back(w, tape, level_rows, d, nodes.first, segment);
  else
    kernels_.vjp[segment](level_rows, d);
  if (!layout_.state.products.empty()) multiply(w.state, layout_.state, dstate);
  if (layout_.normalizes_states() || !layout_.state.products.empty()) kernels_.vjp[--segment](level_rows, d);
  if (!layout_.message.products.empty()) {
    multiply(w.message, layout_.message, {d.message, d.message_stride});
    kernels_.vjp[--segment](level_rows, d);
  }
  if (layout_.options.layer_norm) normalize_back(layout_.input, w.input_gain, tape.input_norm, tape, nodes);
  if (!schedule.is_chain()) return give_children(w, tape, level);
  multiply(w.feed, layout_.feed, fed_cotangents(tape, schedule.row(level - 1) * tape.seeds));
  if (drops(tape)) mask_feed_back(tape, level);
}

template <class T>
void CellLayer<T>::backward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const CellWeights<T>&>(weights);
  auto& tape = static_cast<CellTape<T>&>(base);
  const Schedule& schedule = *tape.in;
  for (Index level = levels.end - 1; level >= levels.begin;) {
    if (!schedule.is_chain()) receive(w, tape, level);
    const Levels run = layout_.only_units_recur() ? schedule.run_until(level, levels.begin) : Levels{level, level + 1};
    backward_run(w, tape, run);
    level = run.begin - 1;
  }
  if (!schedule.is_chain() && levels.begin == 1) receive(w, tape, 0);
  if (!tape.dx) return;
  const Index first = schedule.first_node(levels.begin) * tape.seeds, end = schedule.first_node(levels.end) * tape.seeds;
  w.input.add_back(products_, layout_.input, product_cotangents(tape, tape.input_norm, first), end - first,
                   {tape.dx + first * tape.dx_stride, tape.dx_stride});
}

template <class T>
void CellLayer<T>::clear_cotangents(Tape<T>& base) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  for (AlignedVector<T>* cotangents : {&tape.dstate, &tape.dfed, &tape.dprojected, &tape.dmasked})
    std::fill(cotangents->begin(), cotangents->end(), T(0));
  for (NormTape<T>* norm : {&tape.input_norm, &tape.recurrent_norm, &tape.state_norm})
    std::fill(norm->dgain.begin(), norm->dgain.end(), T(0));
}

#define RECURRA_INSTANTIATE(T)                                                     \
  template CellCotangents<T> CellLayer<T>::cotangents(CellTape<T>&, Levels) const; \
  template void CellLayer<T>::backward(const Weights<T>&, Tape<T>&, Levels) const; \
  template void CellLayer<T>::clear_cotangents(Tape<T>&) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
