#include "unit_derivatives.h"

#include <algorithm>

namespace recurra {

std::vector<UnitParameters> unit_parameters(const CellLayout& layout) {
  using Source = UnitParameters::Source;
  std::vector<UnitParameters> all;
  const Index units = layout.hidden_size;
  const auto add_matrix = [&](const GateMatrix& matrix, Source source) {
    for (const GateProduct& p : matrix.products)
      for (Index row = 0; row < p.width;) {
        const Index column = p.column + row, count = std::min(p.width - row, units - column % units);
        all.push_back({matrix.offset + (p.row + row) * matrix.columns, count, p.depth, column % units, column, source, p.source});
        row += count;
      }
  };
  add_matrix(layout.input, Source::input);
  add_matrix(layout.feed, Source::feed);
  add_matrix(layout.state, Source::state);
  const auto add_units = [&](Index offset, Index column, Index initial = -1) {
    all.push_back({offset, units, 1, 0, column, Source::one, 0, initial});
  };
  for (const GateRun& run : layout.bias_runs)
    for (Index row = 0; row < run.width; row += units) add_units(layout.bias + run.row + row, run.column + row);
  Index column = layout.a_width;
  for (Index k = 0; k < layout.num_unit_params; ++k, column += units) add_units(layout.unit + k * units, column);
  for (std::size_t s = 0; s < layout.carried.size(); ++s)
    if (layout.carried[s].initial >= 0) {
      add_units(layout.carried[s].initial, column, Index(s));
      column += units;
    }
  return all;
}

std::string unit_obstacle(const CellLayout& layout) {
  if (!layout.message.products.empty()) return "its R multiplies what another gate has made of the state";
  if (!layout.state.products.empty() && (layout.info.written_by_out & layout.info.carried))
    return "a product of its new states stands before states that it carries on";
  if (layout.options.layer_norm) return "it has layer_norm, which mixes its units";
  if (layout.has_raw_states()) return "it has zoneout";
  if (layout.projects()) return "it has a projection, which mixes its units";
  if (Index(layout.carried.size()) > max_traces)
    return "it carries " + std::to_string(layout.carried.size()) + " states for each unit, expected at most " +
           std::to_string(max_traces);
  return "";
}

bool is_diagonal(const CellLayout& layout) { return layout.feed.products.empty() && unit_obstacle(layout).empty(); }

template <class T>
UnitDerivatives<T>::UnitDerivatives(const CellLayer<T>& layer)
    : layer_(layer), states_(Index(layer.layout().carried.size())), units_(layer.layout().hidden_size) {
  const CellLayout& layout = layer.layout();
  const auto size = [&](std::vector<T>& values, Index width) { values.resize(std::size_t(states_ * width)); };
  size(state_, layout.state_width);
  size(parent_, layout.state_width);
  size(a_, layout.da_width);
  size(keep_, states_ * units_);
  back_a_.resize(std::size_t(layout.da_width));
}

template <class T>
CellCotangents<T> UnitDerivatives<T>::cotangents(Index seeds) {
  const CellLayout& layout = layer_.layout();
  std::fill(parent_.begin(), parent_.end(), T(0));
  CellCotangents<T> d{};
  d.seeds = seeds;
  d.state = state_.data();
  d.a = a_.data();
  d.parent = parent_.data();
  d.state_stride = d.parent_stride = layout.state_width;
  d.a_stride = layout.da_width;
  return d;
}

template <class T>
void UnitDerivatives<T>::differentiate(const Weights<T>& weights, Tape<T>& tape) {
  const CellLayout& layout = layer_.layout();
  std::fill(state_.begin(), state_.end(), T(0));
  for (Index s = 0; s < states_; ++s)
    std::fill_n(state_.begin() + s * layout.state_width + layout.carried[std::size_t(s)].state * units_, units_, T(1));
  layer_.backward_units(weights, tape, 1, cotangents(states_));
  for (Index s = 0; s < states_; ++s)
    for (Index from = 0; from < states_; ++from)
      std::copy_n(parent_.begin() + s * layout.state_width + layout.carried[std::size_t(from)].state * units_, units_,
                  keep_.begin() + (s * states_ + from) * units_);
}

template <class T>
void UnitDerivatives<T>::carry_back(const Weights<T>& weights, Tape<T>& base, T* to) {
  const CellLayout& layout = layer_.layout();
  auto& tape = static_cast<CellTape<T>&>(base);
  CellCotangents<T> d = cotangents(1);
  d.state = tape.dstate.data() + layout.state_width;
  d.a = back_a_.data();
  layer_.backward_units(weights, tape, 1, d, true);
  for (const CarriedState& c : layout.carried) to = std::copy_n(parent_.begin() + c.state * units_, units_, to);
}

template class UnitDerivatives<float>;
template class UnitDerivatives<double>;

}  // namespace recurra
