// The cell layer at one row of a stream, where one kernel makes the whole step (CellStep): float32 or float64 weights, no stage
// of the layer between its products, and nobody to share them with.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

template <class T>
const CellStep<T>& whole_step_of(const CellVariants<T>& variants, const CellLayout& layout) {
  static constexpr CellStep<T> none{};
  const bool stages = layout.options.layer_norm || layout.projects() || layout.has_raw_states() || layout.options.heads > 1;
  if (stages || layout.runs_over_trees()) return none;
  const CellStep<T>& narrow = variants.narrow_step;
  const bool few = layout.hidden_size <= narrow.lanes || layout.a_width <= 2 * narrow.lanes;
  return narrow.run && few ? narrow : variants.step;
}

// Those adjacent gates' rows, unit 0 of each.
template <class T>
void set_rows(const GateMatrix& matrix, Index units, const T* params, const T** rows) {
  for (const GateRun& run : matrix.runs)
    for (Index at = 0; at < run.width; at += units)
      rows[(run.column + at) / units] = params + matrix.offset + (run.row + at) * matrix.columns;
}

template <class T>
void CellLayer<T>::pack_whole_step(const T* params, CellWeights<T>& w) const {
  w.step.all.clear();
  if (!whole_step_.run || w.row->format != WeightFormat::full) return;
  StepParameters<T> from{};
  set_rows(layout_.input, layout_.hidden_size, params, from.input);
  set_rows(layout_.feed, layout_.hidden_size, params, from.feed);
  from.bias = w.bias_row.data();
  from.unit = w.unit.data();
  const Index size = whole_step_.pack(from, layout_.input_size, layout_.hidden_size, nullptr);
  if (size * Index(sizeof(T)) >= least_shared_bytes) return;  // whether there is a team or not: the bits must be the same
  w.step.all.resize(std::size_t(size));
  whole_step_.pack(from, layout_.input_size, layout_.hidden_size, w.step.all.data());
}

template <class T>
void CellLayer<T>::whole_step(const CellWeights<T>& w, CellTape<T>& tape, const T* x) const {
  RowStates<T>& states = tape.row;
  const Index units = layout_.hidden_size, padded = states.padded;
  if (!states.current)
    for (int k = 0; k < layout_.info.num_states; ++k)
      std::copy_n(tape.state.data() + k * units, units, states.of[states.last].data() + k * padded);
  states.current = true;
  const T* parent = states.of[states.last].data();
  states.last = 1 - states.last;
  whole_step_.run({layout_.input_size, units, padded, w.step.all.data(), x, parent, states.of[states.last].data(), tape.y});
}

// Short of what a level of any width needs, as that takes as long as a few units do.
template <class T>
void CellLayer<T>::advance(const Weights<T>& weights, Tape<T>& base) const {
  const auto& w = static_cast<const CellWeights<T>&>(weights);
  auto& tape = static_cast<CellTape<T>&>(base);
  if (steps_whole(w, tape))
    whole_step(w, tape, tape.x);
  else
    Layer<T>::advance(w, tape);
}

template <class T>
bool CellLayer<T>::writes_anywhere(const Weights<T>& w, const Tape<T>& tape) const {
  const bool all_leave = layout_.output_width == layout_.info.outputs * layout_.hidden_size;  // the kernel writes all of them
  return all_leave && steps_whole(static_cast<const CellWeights<T>&>(w), static_cast<const CellTape<T>&>(tape));
}

#define RECURRA_INSTANTIATE(T)                                                          \
  template const CellStep<T>& whole_step_of(const CellVariants<T>&, const CellLayout&); \
  template bool CellLayer<T>::writes_anywhere(const Weights<T>&, const Tape<T>&) const; \
  template void CellLayer<T>::advance(const Weights<T>&, Tape<T>&) const;               \
  template void CellLayer<T>::pack_whole_step(const T*, CellWeights<T>&) const;         \
  template void CellLayer<T>::whole_step(const CellWeights<T>&, CellTape<T>&, const T*) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
