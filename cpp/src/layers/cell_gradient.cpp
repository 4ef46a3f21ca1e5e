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
void CellLayer<T>::add_gradient(CellTape<T>& tape, const NodeSlice& nodes, T* gradient) const {
  const Index units = layout_.hidden_size, da_stride = nodes.cotangent_step() * layout_.da_width;
  const T* da = tape.da.data() + nodes.cotangent() * layout_.da_width;
  const auto outer = [&](Index column, Index width, const T* source, Index source_width, Index columns, T* to) {
    products_.outer(da + column, da_stride, source + nodes.first * source_width, nodes.step * source_width, nodes.count, width,
                    columns, to, columns, tape.scratch.data());
  };
  for (const GateRun& run : layout_.input_runs)
    outer(run.column, run.width, tape.x, tape.x_stride, layout_.input_size,
          gradient + layout_.weight_ih + run.row * layout_.input_size);
  for (const GateProduct& gate : layout_.message_gates)
    outer(gate.column, units, tape.message.data() + gate.slot, layout_.message_width, units,
          gradient + layout_.weight_mh + gate.row * units);
  for (const GateProduct& gate : layout_.state_gates)
    outer(gate.column, units, tape.y + gate.slot, layout_.state_width, units, gradient + layout_.weight_sh + gate.row * units);
  if (!layout_.feed_runs.empty()) add_feed_gradient(tape, nodes, gradient + layout_.weight_hh);

  const Index params = layout_.info.num_params * units;
  for (Index i = 0; i < nodes.count; ++i) {
    const T* row = da + i * da_stride;
    for (const GateRun& run : layout_.bias_runs) {
      T* to = gradient + layout_.bias + run.row;
      for (Index j = 0; j < run.width; ++j) to[j] += row[run.column + j];
    }
    for (Index j = 0; j < params; ++j) gradient[layout_.unit + j] += row[layout_.a_width + j];
  }
}

template <class T>
void CellLayer<T>::add_feed_gradient(CellTape<T>& tape, const NodeSlice& nodes, T* gradient) const {
  const Schedule& schedule = *tape.in;
  if (!schedule.is_chain()) return add_graph_gradient(tape, nodes, gradient);
  // The fed states of the parents: in place where all levels have the same size, else gathered into adjacent rows.
  const T* fed = tape.state.data() + nodes.first * layout_.state_width;
  Index fed_stride = nodes.step * layout_.state_width;
  if (!schedule.is_uniform()) {
    T* to = tape.gathered.data();
    for (Index level = 1; level <= schedule.num_levels(); ++level)
      for (Index i = 0; i < schedule.size(level); ++i) {
        const Index node = schedule.first_node(level) + i;
        if (node < nodes.first || node >= nodes.first + nodes.count) continue;
        to = std::copy_n(tape.state.data() + schedule.parent_of(level, i) * layout_.state_width, layout_.feed_width, to);
      }
    fed = tape.gathered.data();
    fed_stride = layout_.feed_width;
  }
  for (const GateRun& run : layout_.feed_runs)
    products_.outer(tape.da.data() + nodes.cotangent() * layout_.da_width + run.column, nodes.cotangent_step() * layout_.da_width,
                    fed, fed_stride, nodes.count, run.width, layout_.feed_width, gradient + run.row * layout_.feed_width,
                    layout_.feed_width, tape.scratch.data());
}

// Graphs: an edge gate multiplies the fed states of its own parent, the others their sum over the parents.
template <class T>
void CellLayer<T>::add_graph_gradient(CellTape<T>& tape, const NodeSlice& nodes, T* gradient) const {
  const Schedule& schedule = *tape.in;
  const Index units = layout_.hidden_size, width = layout_.feed_width;
  const Index* edge_begin = schedule.edge_begin().data() + nodes.first;
  const Index first_edge = edge_begin[0], edges = edge_begin[nodes.count] - first_edge;
  const auto parent = [&](Index e) { return tape.state.data() + schedule.parent_row()[std::size_t(e)] * layout_.state_width; };
  const auto outer = [&](Stage stage, const T* da, Index da_stride, Index rows, bool compact) {
    for (const GateRun& run : layout_.feed_runs)
      for (Index offset = 0; offset < run.width; offset += units) {
        const int k = int((run.column + offset) / units);
        if ((layout_.info.gates[k].stage == Stage::edge) != (stage == Stage::edge)) continue;
        Index rank = 0;
        for (int j = 0; j < k; ++j) rank += layout_.info.gates[j].stage == Stage::edge;
        products_.outer(da + (compact ? rank : k) * units, da_stride, tape.gathered.data(), width, rows, units, width,
                        gradient + (run.row + offset) * width, width, tape.scratch.data());
      }
  };
  for (Index e = 0; e < edges; ++e) std::copy_n(parent(first_edge + e), width, tape.gathered.data() + e * width);
  outer(Stage::edge, tape.dedge_a.data() + first_edge * layout_.edge_width, layout_.edge_width, edges, true);
  std::fill_n(tape.gathered.begin(), nodes.count * width, T(0));
  for (Index i = 0; i < nodes.count; ++i)
    for (Index e = edge_begin[i]; e < edge_begin[i + 1]; ++e)
      for (Index j = 0; j < width; ++j) tape.gathered[std::size_t(i * width + j)] += parent(e)[j];
  outer(Stage::node, tape.da.data() + nodes.first * layout_.da_width, layout_.da_width, nodes.count, false);
}

#define RECURRA_INSTANTIATE(T) template void CellLayer<T>::gradient(Tape<T>&, Levels, GradientTarget<T>) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
