// The cell layer at rest: parameters to packed matrices, memory, and the state of each sequence.
#include "cell_layer.h"

#include <algorithm>
#include <stdexcept>

namespace recurra {

template <class T>
CellLayer<T>::CellLayer(const CellTable& table, const Products<T>& products, Index input_size, Index hidden_size)
    : kernels_(kernels<T>(table)), products_(products), layout_(table.info, input_size, hidden_size) {}

template <class T>
std::vector<StateSpec> CellLayer<T>::state() const {
  const std::vector<std::string> names = split_names(layout_.info.state_names, layout_.info.num_states, "s");
  std::vector<StateSpec> specs;
  for (const int s : layout_.carried) specs.push_back({names[std::size_t(s)], layout_.hidden_size});
  return specs;
}

template <class T>
void CellLayer<T>::refresh(const T* params, Weights<T>& weights) const {
  auto& w = static_cast<CellWeights<T>&>(weights);
  const auto pack = [&](auto& pair, const T* matrix, Index rows, Index columns) {
    pair.forward.pack_transposed(products_, matrix, rows, columns);
    pair.backward.pack_plain(products_, matrix, rows, columns);
  };
  const auto pack_runs = [&](auto& pairs, const std::vector<GateRun>& runs, Index offset, Index columns) {
    pairs.resize(runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) pack(pairs[i], params + offset + runs[i].row * columns, runs[i].width, columns);
  };
  const auto pack_gates = [&](auto& pairs, const std::vector<GateProduct>& gates, Index offset) {
    const Index units = layout_.hidden_size;
    pairs.resize(gates.size());
    for (std::size_t i = 0; i < gates.size(); ++i) pack(pairs[i], params + offset + gates[i].row * units, units, units);
  };
  pack_runs(w.input, layout_.input_runs, layout_.weight_ih, layout_.input_size);
  pack_runs(w.feed, layout_.feed_runs, layout_.weight_hh, layout_.feed_width);
  pack_gates(w.message, layout_.message_gates, layout_.weight_mh);
  pack_gates(w.state, layout_.state_gates, layout_.weight_sh);
  w.bias_row.assign(std::size_t(layout_.a_width), T(0));
  for (const GateRun& run : layout_.bias_runs)
    std::copy_n(params + layout_.bias + run.row, run.width, w.bias_row.begin() + run.column);
  w.unit.assign(params + layout_.unit, params + layout_.unit + layout_.info.num_params * layout_.hidden_size);
}

namespace {
void check_parents(const CellInfo& info, const Schedule& schedule) {
  const std::vector<Index>& begin = schedule.edge_begin();
  for (std::size_t node = 0; node + 1 < begin.size(); ++node)
    if (begin[node + 1] - begin[node] > info.max_parents)
      throw std::invalid_argument(std::string(info.name) + ": a node has " + std::to_string(begin[node + 1] - begin[node]) +
                                  " parents, expected at most " + std::to_string(info.max_parents));
}
}  // namespace

template <class T>
void CellLayer<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  const Schedule& schedule = *tape.in;
  check_parents(layout_.info, schedule);
  const auto size = [](Index rows, Index width) { return std::size_t(rows * width); };
  const Index nodes = schedule.num_nodes(), rows = schedule.num_rows(), edges = schedule.num_edges();
  const Index feed = schedule.is_chain() ? 0 : layout_.a_width;
  tape.a.resize(size(nodes, layout_.a_width));
  tape.state.resize(size(rows, layout_.state_width));
  tape.message.resize(layout_.message_gates.empty() ? 0 : size(nodes, layout_.message_width));
  tape.edge_a.resize(size(edges, layout_.edge_width));
  tape.fed.resize(size(rows, feed));
  if (backward) {
    const Index seeds = tape.seeds;
    tape.da.resize(size(nodes * seeds, layout_.da_width));
    tape.dstate.resize(size(rows * seeds, layout_.state_width));
    tape.dmessage.resize(tape.message.size() * std::size_t(seeds));
    tape.dedge_a.resize(tape.edge_a.size() * std::size_t(seeds));
    tape.dfed.resize(tape.fed.size() * std::size_t(seeds));
    const Index widest = std::max({layout_.input_size, layout_.feed_width, layout_.hidden_size});  // columns of a matrix
    tape.scratch.resize(std::size_t(products_.outer_scratch(layout_.a_width, widest)));
    const bool gather = !schedule.is_uniform() && !layout_.feed_runs.empty();
    tape.gathered.resize(gather ? size(std::max(nodes, edges), layout_.feed_width) : 0);
    tape.dy = tape.dstate.data() + schedule.num_roots() * seeds * layout_.state_width;
    tape.dy_stride = layout_.state_width;
  }
  tape.y = tape.state.data() + schedule.num_roots() * layout_.state_width;
  tape.y_stride = layout_.state_width;
}

template <class T>
void CellLayer<T>::reset(Tape<T>& base, Index sequence) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  std::fill_n(tape.state.begin() + sequence * layout_.state_width, layout_.state_width, T(0));
}

template <class T>
void CellLayer<T>::load_state(Tape<T>& base, Index sequence, const T* from) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  const Index units = layout_.hidden_size;
  reset(base, sequence);
  for (const int s : layout_.carried) {
    std::copy_n(from, units, tape.state.begin() + sequence * layout_.state_width + s * units);
    from += units;
  }
}

template <class T>
void CellLayer<T>::save_state(const Tape<T>& base, Index level, Index sequence, T* to) const {
  const auto& tape = static_cast<const CellTape<T>&>(base);
  const Index units = layout_.hidden_size, row = tape.in->row(level) + sequence;
  for (const int s : layout_.carried) to = std::copy_n(tape.state.begin() + row * layout_.state_width + s * units, units, to);
}

template <class T>
void CellLayer<T>::carry(Tape<T>& base, Index level) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  std::copy_n(tape.state.begin() + tape.in->row(level) * layout_.state_width, tape.in->num_roots() * layout_.state_width,
              tape.state.begin());
}

template class CellLayer<float>;
template class CellLayer<double>;

}  // namespace recurra
