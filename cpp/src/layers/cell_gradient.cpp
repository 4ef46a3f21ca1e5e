// The cell layer's weight gradient: one product per matrix over all nodes of the levels, or of a part of them.
#include <algorithm>
#include <stdexcept>

#include "cell_layer.h"

namespace recurra {

template <class T>
void CellLayer<T>::gradient(Tape<T>& base, Levels levels, GradientTarget<T> target) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  if (target.stride > 0 && tape.input_norm.gave_way())
    throw std::logic_error("CellLayer: the gradient by sequence of gains whose part in it was summed");
  for_each_target(*tape.in, tape.seeds, levels, target,
                  [&](const NodeSlice& nodes, T* gradient) { add_gradient(tape, nodes, gradient); });
}

template <class T>
void CellLayer<T>::initial_gradient(Tape<T>& base, GradientTarget<T> target) const {
  if (!layout_.options.learned_initial_state) return;
  auto& tape = static_cast<CellTape<T>&>(base);
  for (Index row = 0; row < tape.in->num_roots() * tape.seeds; ++row)
    for (const CarriedState& c : layout_.carried) {
      if (c.initial < 0) continue;
      const T* d = carried_cotangent(tape, c, row);
      T* to = target.data + row * target.stride + c.initial;
      for (Index j = 0; j < c.width; ++j) to[j] += d[j];
    }
}

template <class T>
void CellLayer<T>::add_gradient(CellTape<T>& tape, const NodeSlice& nodes, T* gradient) const {
  const Index da_step = nodes.cotangent_step() * layout_.da_width;
  const T* da = tape.da + nodes.cotangent() * layout_.da_width;
  // `source` is the one of the first of these nodes.
  const auto outer = [&](const GateMatrix& matrix, NormTape<T>& norm, Rows<const T> source) {
    if (matrix.products.empty()) return;
    const Rows<const T> d = product_cotangents(tape, norm, nodes.cotangent());
    for (const GateProduct& p : matrix.products)
      add_outer(products_, d.data + p.column, nodes.cotangent_step() * d.stride, source.data + p.source, source.stride,
                nodes.count, p.width, p.depth, gradient + matrix.offset + p.row * matrix.columns, matrix.columns,
                tape.scratch.data());
    for (const GateRun& run : matrix.runs)
      if (layout_.options.layer_norm)
        add_gain_gradient(norm, run.column, run.width, {da + run.column, da_step}, nodes, gradient + matrix.gain + run.row);
  };
  const auto rows = [&](const T* first, Index width) { return Rows<const T>{first + nodes.first * width, nodes.step * width}; };
  outer(layout_.input, tape.input_norm, rows(tape.x, tape.x_stride));
  outer(layout_.message, tape.recurrent_norm, rows(tape.message.data(), layout_.message_width));
  outer(layout_.state, tape.recurrent_norm, rows(new_states(tape, 0), layout_.state_width));
  if (!tape.in->is_chain())
    add_tree_gradient(tape, gradient);
  else if (!layout_.feed.products.empty())
    outer(layout_.feed, tape.recurrent_norm, fed_by_parents(tape, nodes));

  const Index params = layout_.num_unit_params * layout_.hidden_size;
  const auto sum = [&](Index column, Index width, T* to) {
    library_.reductions.combine(nullptr, nodes.count, da + column, da_step, width, to);
  };
  for (const GateRun& run : layout_.bias_runs) sum(run.column, run.width, gradient + layout_.bias + run.row);
  if (params > 0) sum(layout_.a_width, params, gradient + layout_.unit);
  add_stage_gradient(tape, nodes, gradient);
}

// What the parents of these nodes feed: in place where all levels have the same size, else gathered into adjacent rows.
template <class T>
Rows<const T> CellLayer<T>::fed_by_parents(CellTape<T>& tape, const NodeSlice& nodes) const {
  const Schedule& schedule = *tape.in;
  const Rows<T> source = fed(tape, nodes.first);
  if (schedule.is_uniform()) return {source.data, source.stride * nodes.step};
  T* to = tape.gathered.data();
  const Index end = nodes.first + nodes.count;
  for (Index level = 1; level <= schedule.num_levels(); ++level) {
    const Index first = schedule.first_node(level);
    for (Index node = std::max(first, nodes.first); node < std::min(first + schedule.size(level), end); ++node)
      to = std::copy_n(fed(tape, schedule.parent_of(level, node - first)).data, layout_.feed_width, to);
  }
  return {tape.gathered.data(), layout_.feed_width};
}

// Of the projection, and of the gains and shifts of normalised states.
template <class T>
void CellLayer<T>::add_stage_gradient(CellTape<T>& tape, const NodeSlice& nodes, T* gradient) const {
  const Index units = layout_.hidden_size, roots = tape.in->num_roots();
  if (layout_.projects()) {
    const Index width = layout_.options.projection;
    add_outer(products_, tape.dprojected.data() + (roots * nodes.seeds + nodes.cotangent()) * width,
              nodes.cotangent_step() * width, tape.state.data() + (roots + nodes.first) * layout_.state_width,
              nodes.step * layout_.state_width, nodes.count, width, units, gradient + layout_.projection, units,
              tape.scratch.data());
  }
  if (!layout_.options.layer_norm) return;
  NormTape<T>& norm = tape.state_norm;
  Index column = 0;
  for (const NormalizedState& s : layout_.normalized) {
    const Rows<const T> d{norm.d + nodes.cotangent() * norm.width + column, nodes.cotangent_step() * norm.width};
    add_gain_gradient(norm, column, units, d, nodes, gradient + s.gain);
    library_.reductions.combine(nullptr, nodes.count, d.data, d.stride, units, gradient + s.shift);
    column += units;
  }
}

#define RECURRA_INSTANTIATE(T)                                                     \
  template void CellLayer<T>::gradient(Tape<T>&, Levels, GradientTarget<T>) const; \
  template void CellLayer<T>::initial_gradient(Tape<T>&, GradientTarget<T>) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
