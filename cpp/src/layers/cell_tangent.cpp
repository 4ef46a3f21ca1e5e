// The cell layer's JVP: the forward sweep's products and functions on tangents, level by level.
#include <algorithm>
#include <stdexcept>

#include "cell_layer.h"

namespace recurra {

template <class T>
void CellLayer<T>::tangent(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  const auto& w = static_cast<const CellWeights<T>&>(weights);
  auto& tape = static_cast<CellTape<T>&>(base);
  const Schedule& schedule = *tape.in;
  if (!schedule.is_chain()) throw std::logic_error("tangent: the nodes form a graph, expected sequences");
  const Index first = schedule.first_node(levels.begin) * tape.seeds;
  const Index count = schedule.first_node(levels.end) * tape.seeds - first;
  T* da = tape.da.data() + first * layout_.da_width;
  std::fill_n(da, count * layout_.da_width, T(0));
  for (std::size_t i = 0; tape.dx && i < w.input.size(); ++i)
    w.input[i].forward.multiply(products_, tape.dx + first * tape.dx_stride, tape.dx_stride, count,
                                da + layout_.input_runs[i].column, layout_.da_width);
  for (Index level = levels.begin; level < levels.end; ++level) {
    const CellRows<T> level_rows = rows(w, tape, level);
    const CellCotangents<T> d = cotangents(tape, level);
    const auto multiply = [&](const auto& pairs, const std::vector<GateProduct>& gates, const T* source, Index stride) {
      for (std::size_t i = 0; i < gates.size(); ++i)
        pairs[i].forward.multiply(products_, source + gates[i].slot, stride, level_rows.rows * d.seeds, d.a + gates[i].column,
                                  d.a_stride);
    };
    for (std::size_t i = 0; i < w.feed.size(); ++i)
      w.feed[i].forward.multiply(products_, d.parent, d.parent_stride, level_rows.rows * d.seeds,
                                 d.a + layout_.feed_runs[i].column, d.a_stride);
    int segment = 0;
    kernels_.jvp[segment++](level_rows, d);
    if (!w.message.empty()) {
      multiply(w.message, layout_.message_gates, d.message, d.message_stride);
      kernels_.jvp[segment++](level_rows, d);
    }
    if (!w.state.empty()) {
      multiply(w.state, layout_.state_gates, d.state, d.state_stride);
      kernels_.jvp[segment++](level_rows, d);
    }
  }
}

#define RECURRA_INSTANTIATE(T) template void CellLayer<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
