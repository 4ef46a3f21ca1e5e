// The cell layer's weight gradient: one product per matrix over all nodes of the levels.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

template <class T>
void CellLayer<T>::gradient(Tape<T>& base, Levels levels, GradientTarget<T> target) const {
  auto& tape = static_cast<CellTape<T>&>(base);
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

// The cotangents of the products of one kind: of the pre-activations, unless normalisation stands between.
template <class T>
Rows<const T> CellLayer<T>::product_cotangents(const CellTape<T>& tape, const NormTape<T>& norm, const NodeSlice& nodes) const {
  if (layout_.options.layer_norm) return {norm.d.data() + nodes.cotangent() * layout_.a_width, layout_.a_width};
  return {tape.da.data() + nodes.cotangent() * layout_.da_width, layout_.da_width};
}

template <class T>
void CellLayer<T>::add_gradient(CellTape<T>& tape, const NodeSlice& nodes, T* gradient) const {
  const auto outer = [&](const GateMatrix& matrix, const NormTape<T>& norm, Rows<const T> source) {
    const Rows<const T> d = product_cotangents(tape, norm, nodes);
    for (const GateProduct& p : matrix.products)
      add_outer(products_, d.data + p.column, nodes.cotangent_step() * d.stride,
                source.data + nodes.first * source.stride + p.source, nodes.step * source.stride, nodes.count, p.width, p.depth,
                gradient + matrix.offset + p.row * matrix.columns, matrix.columns, tape.scratch.data());
  };
  outer(layout_.input, tape.input_norm, {tape.x, tape.x_stride});
  outer(layout_.message, tape.recurrent_norm, {tape.message.data(), layout_.message_width});
  if (!layout_.state.products.empty()) outer(layout_.state, tape.recurrent_norm, {new_states(tape, 0), layout_.state_width});
  if (!tape.in->is_chain())
    add_tree_gradient(tape, gradient);
  else if (!layout_.feed.products.empty())
    add_feed_gradient(tape, nodes, gradient + layout_.feed.offset);

  const Index params = layout_.num_unit_params * layout_.hidden_size, da_step = nodes.cotangent_step() * layout_.da_width;
  const T* da = tape.da.data() + nodes.cotangent() * layout_.da_width;
  const auto sum = [&](Index column, Index width, T* to) {
    library_.reductions.combine(nullptr, nodes.count, da + column, da_step, width, to);
  };
  for (const GateRun& run : layout_.bias_runs) sum(run.column, run.width, gradient + layout_.bias + run.row);
  if (params > 0) sum(layout_.a_width, params, gradient + layout_.unit);
  add_stage_gradient(tape, nodes, gradient);
}

template <class T>
void CellLayer<T>::add_feed_gradient(CellTape<T>& tape, const NodeSlice& nodes, T* gradient) const {
  const Schedule& schedule = *tape.in;
  // What the parents feed: in place where all levels have the same size, else gathered into adjacent rows.
  Rows<T> source = fed(tape, nodes.first);
  source.stride *= nodes.step;
  if (!schedule.is_uniform()) {
    T* to = tape.gathered.data();
    for (Index level = 1; level <= schedule.num_levels(); ++level)
      for (Index i = 0; i < schedule.size(level); ++i) {
        const Index node = schedule.first_node(level) + i;
        if (node < nodes.first || node >= nodes.first + nodes.count) continue;
        to = std::copy_n(fed(tape, schedule.parent_of(level, i)).data, layout_.feed_width, to);
      }
    source = {tape.gathered.data(), layout_.feed_width};
  }
  const Rows<const T> d = product_cotangents(tape, tape.recurrent_norm, nodes);
  for (const GateProduct& p : layout_.feed.products)
    add_outer(products_, d.data + p.column, nodes.cotangent_step() * d.stride, source.data + p.source, source.stride, nodes.count,
              p.width, p.depth, gradient + p.row * layout_.feed.columns, layout_.feed.columns, tape.scratch.data());
}

// Of the projection, and of the gains and shifts of layer normalisation.
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
  // Rows of d and of what it multiplies: gain += sum d value.
  const auto add = [&](const T* d, Index d_stride, const T* value, Index value_stride, Index width, T* gain, T* shift) {
    for (Index i = 0; i < nodes.count; ++i)
      for (Index j = 0; j < width; ++j) {
        const T slope = d[(nodes.cotangent() + i * nodes.cotangent_step()) * d_stride + j];
        gain[j] += slope * value[(nodes.first + i * nodes.step) * value_stride + j];
        if (shift) shift[j] += slope;
      }
  };
  const auto add_runs = [&](const GateMatrix& matrix, const NormTape<T>& norm) {
    for (const GateRun& run : matrix.runs)
      add(tape.da.data() + run.column, layout_.da_width, norm.value.data() + run.column, layout_.a_width, run.width,
          gradient + matrix.gain + run.row, nullptr);
  };
  add_runs(layout_.input, tape.input_norm);
  for (const GateMatrix* matrix : {&layout_.feed, &layout_.message, &layout_.state}) add_runs(*matrix, tape.recurrent_norm);
  const Index normalized_width = Index(layout_.normalized.size()) * units;
  for (std::size_t k = 0; k < layout_.normalized.size(); ++k) {
    const NormalizedState& s = layout_.normalized[k];
    add(tape.dseen.data() + s.state * units, layout_.state_width, tape.state_norm.value.data() + Index(k) * units,
        normalized_width, units, gradient + s.gain, gradient + s.shift);
  }
}

#define RECURRA_INSTANTIATE(T)                                                     \
  template void CellLayer<T>::gradient(Tape<T>&, Levels, GradientTarget<T>) const; \
  template void CellLayer<T>::initial_gradient(Tape<T>&, GradientTarget<T>) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
