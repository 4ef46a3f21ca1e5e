// The cell layer's JVP: the forward sweep's products, functions and stages on tangents, level by level.
#include <algorithm>
#include <stdexcept>

#include "cell_layer.h"

namespace recurra {

template <class T>
void CellLayer<T>::tangent_level(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index seeds = tape.seeds;
  const NodeRange nodes{schedule.first_node(level), schedule.size(level)};
  const CellRows<T> level_rows = rows(w, tape, {level, level + 1});
  const CellCotangents<T> d = cotangents(tape, {level, level + 1});
  const auto multiply = [&](const PackedGates<T>& packed, const GateMatrix& matrix, Rows<const T> dsource) {
    add_product_tangent(packed, matrix, w.recurrent_gain, tape.recurrent_norm, dsource, tape, nodes);
  };
  if (drops(tape)) mask_feed_tangent(tape, level);
  const Rows<T> dfed = fed_cotangents(tape, schedule.row(level - 1) * seeds);
  multiply(w.feed, layout_.feed, {dfed.data, dfed.stride});
  int segment = 0;
  kernels_.jvp[segment++](level_rows, d);
  if (!layout_.message.products.empty()) {
    multiply(w.message, layout_.message, {d.message, d.message_stride});
    kernels_.jvp[segment++](level_rows, d);
  }
  if (!layout_.state.products.empty()) multiply(w.state, layout_.state, {d.state, d.state_stride});
  if (layout_.normalizes_states())
    run_out_normalized_tangent(w, tape, level_rows, d, nodes.first, segment);
  else if (!layout_.state.products.empty())
    kernels_.jvp[segment](level_rows, d);
  if (layout_.has_raw_states()) zone_out_tangent(tape, level);
  if (layout_.projects()) {
    const Index row = schedule.row(level) * seeds, width = layout_.options.projection, count = nodes.count * seeds;
    w.projection.forward.multiply_from(products_, nullptr, tape.dstate.data() + row * layout_.state_width, layout_.state_width,
                                       count, tape.dprojected.data() + row * width, width);
  }
}

template <class T>
void CellLayer<T>::tangent(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const CellWeights<T>&>(weights);
  auto& tape = static_cast<CellTape<T>&>(base);
  const Schedule& schedule = *tape.in;
  if (!schedule.is_chain()) throw std::logic_error("tangent: the nodes form a graph, expected sequences");
  const Index first = schedule.first_node(levels.begin), count = schedule.first_node(levels.end) - first;
  std::fill_n(tape.da + first * tape.seeds * layout_.da_width, count * tape.seeds * layout_.da_width, T(0));
  if (tape.dx)
    add_product_tangent(w.input, layout_.input, w.input_gain, tape.input_norm,
                        {tape.dx + first * tape.seeds * tape.dx_stride, tape.dx_stride}, tape, {first, count});
  for (Index level = levels.begin; level < levels.end; ++level) tangent_level(w, tape, level);
}

#define RECURRA_INSTANTIATE(T) template void CellLayer<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
