// The cell layer at rest: parameters to packed matrices, memory, and the state of each sequence.
#include "cell_layer.h"

#include <algorithm>
#include <stdexcept>

namespace recurra {

template <class T>
CellLayer<T>::CellLayer(const CellTable& table, const Kernels<T>& library, CellOptions options, std::uint64_t salt)
    : layout_(table.info, std::move(options)),
      kernels_(layout_.normalizes_states() ? kernels<T>(table).split : kernels<T>(table).fused),
      whole_step_(whole_step_of(kernels<T>(table), layout_)),
      library_(library),
      products_(library.products),
      salt_(salt) {}

template <class T>
std::vector<StateSpec> CellLayer<T>::state() const {
  const std::vector<std::string> names = split_names(layout_.info.state_names, layout_.info.num_states, "s");
  std::vector<StateSpec> specs;
  for (const CarriedState& c : layout_.carried) specs.push_back({names[std::size_t(c.state)], c.width});
  return specs;
}

template <class T>
void CellLayer<T>::refresh(const T* params, Weights<T>& weights) const {
  auto& w = static_cast<CellWeights<T>&>(weights);
  const Index units = layout_.hidden_size;
  const bool back = !w.row, by_row = this->steps(w);
  if (!only_steps(w)) w.input.pack(products_, layout_.input, params, back && w.gives_dx);
  if (layout_.runs_over_trees()) {
    w.node_feed.pack(products_, layout_.node_feed, params);
    w.edge_feed.pack(products_, layout_.edge_feed, params);
  } else if (!by_row) {
    w.feed.pack(products_, layout_.feed, params, back);
  }
  if (!by_row) w.message.pack(products_, layout_.message, params, back);
  if (!by_row || (layout_.only_units_recur() && !only_steps(w))) w.state.pack(products_, layout_.state, params, back);
  const auto spread = [&](std::vector<T>& row, const std::vector<GateRun>& runs, Index offset) {
    row.resize(std::size_t(layout_.a_width));
    for (const GateRun& run : runs) std::copy_n(params + offset + run.row, run.width, row.begin() + run.column);
  };
  spread(w.bias_row, layout_.bias_runs, layout_.bias);
  w.unit.assign(params + layout_.unit, params + layout_.unit + layout_.num_unit_params * units);
  for (const double constant : layout_.options.constants) w.unit.insert(w.unit.end(), std::size_t(units), T(constant));
  if (layout_.options.bilinear) {
    const Index width = layout_.source_width, rows = (layout_.unit - layout_.tensor) / width;
    w.tensor.forward.pack_transposed(products_, params + layout_.tensor, rows, width);
    w.tensor.backward.pack_plain(products_, params + layout_.tensor, rows, width);
  }
  if (layout_.projects() && !by_row) {
    const T* projection = params + layout_.projection;
    w.projection.forward.pack_transposed(products_, projection, layout_.options.projection, units);
    if (back) w.projection.backward.pack_plain(products_, projection, layout_.options.projection, units);
  }
  if (by_row) pack_step(params, w);
  if (!layout_.options.layer_norm) return;
  spread(w.input_gain, layout_.input.runs, layout_.input.gain);
  for (const GateMatrix* matrix : {&layout_.feed, &layout_.message, &layout_.state})
    spread(w.recurrent_gain, matrix->runs, matrix->gain);
  w.state_gain.clear();
  w.state_shift.clear();
  for (const NormalizedState& s : layout_.normalized) {
    w.state_gain.insert(w.state_gain.end(), params + s.gain, params + s.gain + units);
    w.state_shift.insert(w.state_shift.end(), params + s.shift, params + s.shift + units);
  }
}

template <class T>
void CellLayer<T>::check_nodes(const Schedule& schedule) const {
  if (schedule.is_chain() == layout_.runs_over_trees())
    throw std::logic_error("CellLayer: a schedule of another kind than the layer's");
  const std::vector<Index>& begin = schedule.edge_begin();
  const bool by_slot = layout_.options.parents == Parents::by_slot;
  const auto refuse = [&](std::size_t node, const std::string& what) {
    throw std::invalid_argument("Tree: node " + std::to_string(schedule.node_of()[node]) + " " + what);
  };
  for (std::size_t node = 0; node + 1 < begin.size(); ++node) {
    if (const Index count = begin[node + 1] - begin[node]; count > layout_.info.max_parents)
      refuse(node, "reads from " + std::to_string(count) + " nodes, expected at most " +
                       std::to_string(layout_.info.max_parents) + " for " + layout_.info.name);
    for (Index e = begin[node]; by_slot && e < begin[node + 1]; ++e)
      if (const Index slot = slot_of(schedule, Index(node), e), arity = layout_.options.arity; slot >= arity)
        refuse(node, "reads from slot " + std::to_string(slot) + ", expected 0 .. " + std::to_string(arity - 1) + " for arity " +
                         std::to_string(arity));
  }
}

template <class T>
void CellLayer<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  const Schedule& schedule = *tape.in;
  check_nodes(schedule);
  const Index nodes = schedule.num_nodes(), rows = schedule.num_rows(), units = layout_.hidden_size;
  const CellOptions& options = layout_.options;
  // Values, and where wanted their cotangents.
  const auto size = [&](auto& values, Index count, Index width) { values.resize(std::size_t(count * width)); };
  const auto size_pair = [&](auto& values, auto& cotangents, Index count, Index width) {
    size(values, count, width);
    if (backward) size(cotangents, count * tape.seeds, width);
  };
  size(tape.a, nodes, layout_.a_width);
  const bool alike = schedule.is_chain() && tape.seeds == 1 && layout_.da_width == layout_.a_width;
  const bool in_place = backward && tape.goes_back_once && alike;
  if (backward) size(tape.own_da, in_place ? 0 : nodes * tape.seeds, layout_.da_width);
  tape.da = in_place ? tape.a.data() : backward ? tape.own_da.data() : nullptr;
  size_pair(tape.state, tape.dstate, rows, layout_.state_width);
  tape.row.padded =
      whole_step_.run && nodes == 1 && !backward ? (units + whole_step_.lanes - 1) / whole_step_.lanes * whole_step_.lanes : 0;
  for (AlignedVector<T>& states : tape.row.of) size(states, layout_.info.num_states, tape.row.padded);
  size_pair(tape.message, tape.dmessage, layout_.message.products.empty() ? 0 : nodes, layout_.message_width);
  if (!schedule.is_chain()) reserve_tree(tape, backward);
  size_pair(tape.raw, tape.draw, layout_.has_raw_states() ? nodes : 0, layout_.state_width);
  size(tape.keep, nodes, Index(layout_.zoned.size()) * units);
  size_pair(tape.projected, tape.dprojected, layout_.projects() ? rows : 0, options.projection);
  const Index dropping = options.recurrent_dropout > 0 ? layout_.feed_width : 0;
  size(tape.mask, schedule.num_roots(), dropping);
  size_pair(tape.masked, tape.dmasked, rows, dropping);
  if (options.layer_norm) {
    const bool give_way = tape.goes_back_once && tape.seeds == 1;
    for (NormTape<T>* norm : {&tape.input_norm, &tape.recurrent_norm})
      norm->reserve(nodes, layout_.info.num_gates, units, tape.seeds, backward, give_way);
    tape.state_norm.reserve(nodes, Index(layout_.normalized.size()), units, tape.seeds, backward, give_way);
    size_pair(tape.seen, tape.dseen, layout_.normalizes_states() ? schedule.num_roots() : 0, layout_.state_width);
  }
  const Index first = schedule.num_roots();
  tape.y =
      layout_.projects() ? tape.projected.data() + first * options.projection : tape.state.data() + first * layout_.state_width;
  tape.y_stride = layout_.projects() ? options.projection : layout_.state_width;
  if (!backward) return;
  tape.dy = layout_.projects() ? tape.dprojected.data() + first * tape.seeds * options.projection
                               : tape.dstate.data() + first * tape.seeds * layout_.state_width;
  tape.dy_stride = tape.y_stride;
  // Of the largest products: rows and columns of a matrix.
  const Index columns = std::max({layout_.input_size, layout_.source_width, units});
  const Index highest = std::max({layout_.a_width, layout_.edge_feed_width, options.projection});
  tape.scratch.resize(std::max(tape.scratch.size(), std::size_t(products_.outer_scratch(highest, columns))));
  const bool gather = schedule.is_chain() && !schedule.is_uniform() && !layout_.feed.products.empty();
  tape.gathered.resize(gather ? std::size_t(nodes * layout_.feed_width) : 0);
}

template <class T>
T* CellLayer<T>::carried(CellTape<T>& tape, const CarriedState& c, Index row) const {
  if (RowStates<T>& states = tape.row; states.current) return states.of[states.last].data() + c.state * states.padded;
  if (layout_.projects() && c.state == 0) return tape.projected.data() + row * layout_.options.projection;
  return tape.state.data() + row * layout_.state_width + c.state * layout_.hidden_size;
}

template <class T>
const T* CellLayer<T>::carried(const CellTape<T>& tape, const CarriedState& c, Index row) const {
  return carried(const_cast<CellTape<T>&>(tape), c, row);
}

template <class T>
T* CellLayer<T>::carried_cotangent(CellTape<T>& tape, const CarriedState& c, Index row) const {
  if (layout_.projects() && c.state == 0) return tape.dprojected.data() + row * layout_.options.projection;
  return tape.dstate.data() + row * layout_.state_width + c.state * layout_.hidden_size;
}

template <class T>
void CellLayer<T>::initial_state(const T* params, T* to) const {
  for (const CarriedState& c : layout_.carried)
    to = c.initial >= 0 ? std::copy_n(params + c.initial, c.width, to) : std::fill_n(to, c.width, T(0));
}

template <class T>
void CellLayer<T>::load_state(Tape<T>& base, Index sequence, const T* from) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  tape.row.current = false;
  std::fill_n(tape.state.begin() + sequence * layout_.state_width, layout_.state_width, T(0));
  for (const CarriedState& c : layout_.carried) {
    std::copy_n(from, c.width, carried(tape, c, sequence));
    from += c.width;
  }
}

template <class T>
void CellLayer<T>::save_state(const Tape<T>& base, Index level, Index sequence, T* to) const {
  const auto& tape = static_cast<const CellTape<T>&>(base);
  for (const CarriedState& c : layout_.carried) to = std::copy_n(carried(tape, c, tape.in->row(level) + sequence), c.width, to);
}

template <class T>
void CellLayer<T>::carry(Tape<T>& base, Index level) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  if (tape.row.current) return;  // they take turns
  const auto move = [&](AlignedVector<T>& rows, Index width) {
    std::copy_n(rows.begin() + tape.in->row(level) * width, tape.in->num_roots() * width, rows.begin());
  };
  move(tape.state, layout_.state_width);
  if (layout_.projects()) move(tape.projected, layout_.options.projection);
}

template class CellLayer<float>;
template class CellLayer<double>;

}  // namespace recurra
