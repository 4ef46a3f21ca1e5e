// Products on their way to the pre-activations, and layer normalisation: of products, each gate over its units before it is
// added, and of the states that `out` reads. (J. L. Ba et al., Layer normalization, 2016, eqs. 20 to 22, by gate: in that form
// it does not depend on how gates are grouped.)
#include <algorithm>
#include <span>
#include <utility>

#include "cell_layer.h"

namespace recurra {

namespace {
// Calls visit(run, of the gates' values, rates and gains, as NormRows) for each run of gates.
template <class T, class Visit>
void for_each_run(const CellLayout& layout, const GateMatrix& matrix, const std::vector<T>& gain, NormTape<T>& norm,
                  NodeRange nodes, const Visit& visit) {
  const Index units = layout.hidden_size, gates = layout.info.num_gates;
  for (const GateRun& run : matrix.runs)
    visit(run,
          NormRows<T>{nodes.count, run.width / units, units, norm.value.data() + nodes.first * norm.width + run.column,
                      norm.width, norm.rate.data() + nodes.first * gates + run.column / units, gates, gain.data() + run.column});
}
}  // namespace

template <class T>
void CellLayer<T>::normalize(const GateMatrix& matrix, const std::vector<T>& gain, NormTape<T>& norm, const T* start,
                             CellTape<T>& tape, NodeRange nodes) const {
  const Index width = layout_.a_width;
  for_each_run(layout_, matrix, gain, norm, nodes, [&](const GateRun& run, const NormRows<T>& rows) {
    T* y = tape.a.data() + nodes.first * width + run.column;
    library_.normalization.forward(rows, rows.n, rows.n_stride, start ? start + run.column : y, start ? 0 : width, y, width);
  });
}

template <class T>
void CellLayer<T>::normalize_back(const GateMatrix& matrix, const std::vector<T>& gain, NormTape<T>& norm, CellTape<T>& tape,
                                  NodeRange nodes) const {
  const Index seeds = tape.seeds, first = nodes.first * seeds, width = layout_.da_width;
  for_each_run(layout_, matrix, gain, norm, nodes, [&](const GateRun& run, const NormRows<T>& rows) {
    T* dgain = norm.gave_way() ? norm.dgain.data() + run.column : nullptr;
    library_.normalization.jacobian(rows, {seeds, tape.da + first * width + run.column, width, true,
                                           norm.d + first * norm.width + run.column, norm.width, false, dgain});
  });
}

template <class T>
Rows<const T> CellLayer<T>::product_cotangents(CellTape<T>& tape, const NormTape<T>& norm, Index row) const {
  if (layout_.options.layer_norm) return {norm.d + row * norm.width, norm.width};
  return {tape.da + row * layout_.da_width, layout_.da_width};
}

template <class T>
void CellLayer<T>::add_gain_gradient(NormTape<T>& norm, Index column, Index width, Rows<const T> d, const NodeSlice& nodes,
                                     T* gradient) const {
  if (!norm.gave_way())
    return library_.reductions.correlate(nodes.count, d.data, d.stride, norm.value.data() + nodes.first * norm.width + column,
                                         nodes.step * norm.width, width, gradient);
  for (T& dgain : std::span(norm.dgain).subspan(std::size_t(column), std::size_t(width)))
    *gradient++ += std::exchange(dgain, T(0));
}

template <class T>
void CellLayer<T>::add_product(const PackedGates<T>& packed, const GateMatrix& matrix, const std::vector<T>& gain,
                               Rows<const T> source, CellTape<T>& tape, NodeRange nodes) const {
  NormTape<T>& norm = tape.recurrent_norm;
  const Index width = layout_.a_width;
  if (!layout_.options.layer_norm)
    return packed.add(products_, matrix, source, nodes.count, {tape.a.data() + nodes.first * width, width});
  packed.set(products_, matrix, nullptr, source, nodes.count, {norm.value.data() + nodes.first * width, width});
  normalize(matrix, gain, norm, nullptr, tape, nodes);
}

template <class T>
void CellLayer<T>::add_product_tangent(const PackedGates<T>& packed, const GateMatrix& matrix, const std::vector<T>& gain,
                                       NormTape<T>& norm, Rows<const T> dsource, CellTape<T>& tape, NodeRange nodes) const {
  const Index seeds = tape.seeds, width = layout_.da_width, first = nodes.first * seeds, count = nodes.count * seeds;
  T* da = tape.da + first * width;
  if (!layout_.options.layer_norm) return packed.add(products_, matrix, dsource, count, {da, width});
  const Rows<T> d{norm.d + first * norm.width, norm.width};
  packed.set(products_, matrix, nullptr, dsource, count, d);
  for_each_run(layout_, matrix, gain, norm, nodes, [&](const GateRun& run, const NormRows<T>& rows) {
    T* columns = d.data + run.column;
    library_.normalization.jacobian(rows, {seeds, columns, d.stride, false, columns, d.stride, false, nullptr});
    for (Index c = 0; c < count; ++c)
      for (Index j = 0; j < run.width; ++j) da[c * width + run.column + j] += rows.gain[j] * columns[c * d.stride + j];
  });
}

namespace {
// Calls visit(column among the states, of the state's values, rates and gains, as NormRows) for each normalised state.
template <class T, class Visit>
void for_each_normalized(const CellLayout& layout, const CellWeights<T>& w, NormTape<T>& norm, NodeRange nodes,
                         const Visit& visit) {
  const Index units = layout.hidden_size, number = Index(layout.normalized.size());
  for (Index k = 0; k < number; ++k)
    visit(layout.normalized[std::size_t(k)].state * units,
          NormRows<T>{nodes.count, 1, units, norm.value.data() + nodes.first * norm.width + k * units, norm.width,
                      norm.rate.data() + nodes.first * number + k, number, w.state_gain.data() + k * units},
          k * units);
}

bool is_normalized(const CellLayout& layout, int state) {
  return std::any_of(layout.normalized.begin(), layout.normalized.end(), [&](const auto& n) { return n.state == state; });
}
// The states that are not normalised, from rows to rows of whole states.
template <class T>
void copy_plain_states(const CellLayout& layout, const T* from, T* to, Index count) {
  for (int s = 0; s < layout.info.num_states; ++s)
    for (Index i = 0; !is_normalized(layout, s) && i < count; ++i)
      std::copy_n(from + i * layout.state_width + s * layout.hidden_size, layout.hidden_size,
                  to + i * layout.state_width + s * layout.hidden_size);
}
}  // namespace

template <class T>
void CellLayer<T>::normalize_states(const CellWeights<T>& w, CellTape<T>& tape, const CellRows<T>& rows, Index first_node) const {
  const Index width = layout_.state_width;
  copy_plain_states(layout_, rows.state, tape.seen.data(), rows.rows);
  for_each_normalized(layout_, w, tape.state_norm, {first_node, rows.rows},
                      [&](Index state, const NormRows<T>& norm, Index column) {
                        library_.normalization.forward(norm, rows.state + state, width, w.state_shift.data() + column, 0,
                                                       tape.seen.data() + state, width);
                      });
}

template <class T>
void CellLayer<T>::run_out_normalized(const CellWeights<T>& w, CellTape<T>& tape, CellRows<T> rows, Index first_node,
                                      int segment) const {
  normalize_states(w, tape, rows, first_node);
  T* states = std::exchange(rows.state, tape.seen.data());
  kernels_.forward[segment](rows);
  copy_plain_states(layout_, tape.seen.data(), states, rows.rows);
}

// The states that out saw are made once more: to keep them would take more memory than time.
template <class T>
void CellLayer<T>::run_out_normalized_back(const CellWeights<T>& w, CellTape<T>& tape, CellRows<T> rows, CellCotangents<T> d,
                                           Index first_node, int segment) const {
  const Index units = layout_.hidden_size, width = layout_.state_width, count = rows.rows * tape.seeds;
  normalize_states(w, tape, rows, first_node);
  rows.state = tape.seen.data();
  T *dseen = tape.dseen.data(), *dstate = std::exchange(d.state, dseen);
  std::fill_n(dseen, count * width, T(0));
  copy_plain_states(layout_, dstate, dseen, count);
  kernels_.vjp[segment](rows, d);
  copy_plain_states(layout_, dseen, dstate, count);
  NormTape<T>& kept = tape.state_norm;
  for_each_normalized(layout_, w, kept, {first_node, rows.rows}, [&](Index state, const NormRows<T>& norm, Index column) {
    T* dgain = kept.gave_way() ? kept.dgain.data() + column : nullptr;
    library_.normalization.jacobian(norm, {tape.seeds, dseen + state, width, true, dstate + state, width, true, dgain});
    for (Index c = 0; c < count; ++c)
      std::copy_n(dseen + c * width + state, units, kept.d + (first_node * tape.seeds + c) * kept.width + column);
  });
}

template <class T>
void CellLayer<T>::run_out_normalized_tangent(const CellWeights<T>& w, CellTape<T>& tape, CellRows<T> rows, CellCotangents<T> d,
                                              Index first_node, int segment) const {
  const Index units = layout_.hidden_size, width = layout_.state_width, count = rows.rows * tape.seeds;
  normalize_states(w, tape, rows, first_node);
  rows.state = tape.seen.data();
  T *dseen = tape.dseen.data(), *dstate = std::exchange(d.state, dseen);
  copy_plain_states(layout_, dstate, dseen, count);
  for_each_normalized(layout_, w, tape.state_norm, {first_node, rows.rows}, [&](Index state, const NormRows<T>& norm, Index) {
    library_.normalization.jacobian(norm, {tape.seeds, dstate + state, width, false, dseen + state, width, false, nullptr});
    for (Index c = 0; c < count; ++c)
      for (Index j = 0; j < units; ++j) dseen[c * width + state + j] *= norm.gain[j];
  });
  kernels_.jvp[segment](rows, d);
  copy_plain_states(layout_, dseen, dstate, count);
}

#define RECURRA_INSTANTIATE(T)                                                                                                   \
  template void CellLayer<T>::normalize(const GateMatrix&, const std::vector<T>&, NormTape<T>&, const T*, CellTape<T>&,          \
                                        NodeRange) const;                                                                        \
  template void CellLayer<T>::normalize_back(const GateMatrix&, const std::vector<T>&, NormTape<T>&, CellTape<T>&, NodeRange)    \
      const;                                                                                                                     \
  template Rows<const T> CellLayer<T>::product_cotangents(CellTape<T>&, const NormTape<T>&, Index) const;                        \
  template void CellLayer<T>::add_gain_gradient(NormTape<T>&, Index, Index, Rows<const T>, const NodeSlice&, T*) const;          \
  template void CellLayer<T>::add_product(const PackedGates<T>&, const GateMatrix&, const std::vector<T>&, Rows<const T>,        \
                                          CellTape<T>&, NodeRange) const;                                                        \
  template void CellLayer<T>::add_product_tangent(const PackedGates<T>&, const GateMatrix&, const std::vector<T>&, NormTape<T>&, \
                                                  Rows<const T>, CellTape<T>&, NodeRange) const;                                 \
  template void CellLayer<T>::run_out_normalized(const CellWeights<T>&, CellTape<T>&, CellRows<T>, Index, int) const;            \
  template void CellLayer<T>::run_out_normalized_back(const CellWeights<T>&, CellTape<T>&, CellRows<T>, CellCotangents<T>,       \
                                                      Index, int) const;                                                         \
  template void CellLayer<T>::run_out_normalized_tangent(const CellWeights<T>&, CellTape<T>&, CellRows<T>, CellCotangents<T>,    \
                                                         Index, int) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
