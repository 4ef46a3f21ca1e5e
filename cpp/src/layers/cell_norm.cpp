// Products on their way to the pre-activations, and layer normalisation: of products, each gate over its units before it is
// added, and of the states that `out` reads. (J. L. Ba et al., Layer normalization, 2016, eqs. 20 to 22, by gate: in that form
// it does not depend on how gates are grouped.)
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

namespace {
// Calls visit(columns, of the gates' rates and gains, as NormRows) for each run of gates.
template <class T, class Visit>
void for_each_run(const CellLayout& layout, const GateMatrix& matrix, const std::vector<T>& gain, NormTape<T>& norm,
                  NodeRange nodes, const Visit& visit) {
  const Index units = layout.hidden_size, gates = layout.info.num_gates;
  for (const GateRun& run : matrix.runs)
    visit(run.column, NormRows<T>{nodes.count, run.width / units, units,
                                  norm.value.data() + nodes.first * layout.a_width + run.column, layout.a_width,
                                  norm.rate.data() + nodes.first * gates + run.column / units, gates, gain.data() + run.column});
}

template <class T>
void clear_columns(const GateMatrix& matrix, T* rows, Index stride, Index count) {
  for (Index i = 0; i < count; ++i)
    for (const GateRun& run : matrix.runs) std::fill_n(rows + i * stride + run.column, run.width, T(0));
}
}  // namespace

template <class T>
void CellLayer<T>::add_product(const PackedGates<T>& packed, const GateMatrix& matrix, const std::vector<T>& gain,
                               NormTape<T>& norm, Rows<const T> source, CellTape<T>& tape, NodeRange nodes) const {
  const Index width = layout_.a_width;
  T* a = tape.a.data() + nodes.first * width;
  if (!layout_.options.layer_norm) return packed.add(products_, matrix, source, nodes.count, {a, width});
  T* value = norm.value.data() + nodes.first * width;
  clear_columns(matrix, value, width, nodes.count);
  packed.add(products_, matrix, source, nodes.count, {value, width});
  for_each_run(layout_, matrix, gain, norm, nodes,
               [&](Index column, const NormRows<T>& rows) { library_.normalization.forward(rows, a + column, width); });
}

template <class T>
void CellLayer<T>::add_product_back(const PackedGates<T>& packed, const GateMatrix& matrix, const std::vector<T>& gain,
                                    NormTape<T>& norm, CellTape<T>& tape, NodeRange nodes, Rows<T> dsource) const {
  const T* da = tape.da.data() + nodes.first * tape.seeds * layout_.da_width;
  Rows<const T> d{da, layout_.da_width};
  if (layout_.options.layer_norm) {
    T* dproduct = norm.d.data() + nodes.first * tape.seeds * layout_.a_width;
    for_each_run(layout_, matrix, gain, norm, nodes, [&](Index column, const NormRows<T>& rows) {
      library_.normalization.jacobian(rows, tape.seeds, da + column, layout_.da_width, true, dproduct + column, layout_.a_width);
    });
    d = {dproduct, layout_.a_width};
  }
  if (dsource.data) packed.add_back(products_, matrix, d, nodes.count * tape.seeds, dsource);
}

template <class T>
void CellLayer<T>::add_product_tangent(const PackedGates<T>& packed, const GateMatrix& matrix, const std::vector<T>& gain,
                                       NormTape<T>& norm, Rows<const T> dsource, CellTape<T>& tape, NodeRange nodes) const {
  const Index count = nodes.count * tape.seeds, width = layout_.a_width;
  T* da = tape.da.data() + nodes.first * tape.seeds * layout_.da_width;
  if (!layout_.options.layer_norm) return packed.add(products_, matrix, dsource, count, {da, layout_.da_width});
  T* d = norm.d.data() + nodes.first * tape.seeds * width;
  clear_columns(matrix, d, width, count);
  packed.add(products_, matrix, dsource, count, {d, width});
  for_each_run(layout_, matrix, gain, norm, nodes, [&](Index column, const NormRows<T>& rows) {
    library_.normalization.jacobian(rows, tape.seeds, d + column, width, false, d + column, width);
    for (Index c = 0; c < count; ++c)
      for (Index j = 0; j < rows.blocks * rows.units; ++j)
        da[c * layout_.da_width + column + j] += rows.gain[j] * d[c * width + column + j];
  });
}

// The i-th normalised state of these nodes.
template <class T>
NormRows<T> CellLayer<T>::normalized_rows(const CellWeights<T>& w, CellTape<T>& tape, Index first_node, Index count,
                                          std::size_t i) const {
  const Index units = layout_.hidden_size, number = Index(layout_.normalized.size()), width = number * units;
  return {count,  1,
          units,  tape.state_norm.value.data() + first_node * width + Index(i) * units,
          width,  tape.state_norm.rate.data() + first_node * number + Index(i),
          number, w.state_gain.data() + Index(i) * units};
}

namespace {
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
void CellLayer<T>::run_out_normalized(const CellWeights<T>& w, CellTape<T>& tape, CellRows<T> rows, Index first_node,
                                      int segment) const {
  const Index units = layout_.hidden_size, width = layout_.state_width;
  T* states = rows.state;
  T* seen = tape.seen.data() + first_node * width;
  copy_plain_states(layout_, states, seen, rows.rows);
  for (std::size_t k = 0; k < layout_.normalized.size(); ++k) {
    const Index column = layout_.normalized[k].state * units;
    const NormRows<T> norm = normalized_rows(w, tape, first_node, rows.rows, k);
    for (Index i = 0; i < rows.rows; ++i) {
      std::copy_n(states + i * width + column, units, norm.x + i * norm.x_stride);
      std::copy_n(w.state_shift.data() + Index(k) * units, units, seen + i * width + column);
    }
    library_.normalization.forward(norm, seen + column, width);
  }
  rows.state = seen;
  kernels_.forward[segment](rows);
  copy_plain_states(layout_, seen, states, rows.rows);
}

template <class T>
void CellLayer<T>::run_out_normalized_back(const CellWeights<T>& w, CellTape<T>& tape, CellRows<T> rows, CellCotangents<T> d,
                                           Index first_node, int segment) const {
  const Index units = layout_.hidden_size, width = layout_.state_width, count = rows.rows * tape.seeds;
  T* dstate = d.state;
  T* dseen = tape.dseen.data() + first_node * tape.seeds * width;
  std::fill_n(dseen, count * width, T(0));
  copy_plain_states(layout_, dstate, dseen, count);
  rows.state = tape.seen.data() + first_node * width;
  d.state = dseen;
  kernels_.vjp[segment](rows, d);
  copy_plain_states(layout_, dseen, dstate, count);
  for (std::size_t k = 0; k < layout_.normalized.size(); ++k) {
    const Index column = layout_.normalized[k].state * units;
    const NormRows<T> norm = normalized_rows(w, tape, first_node, rows.rows, k);
    T* dvalue = tape.state_norm.d.data() + first_node * tape.seeds * norm.x_stride + Index(k) * units;
    library_.normalization.jacobian(norm, tape.seeds, dseen + column, width, true, dvalue, norm.x_stride);
    for (Index c = 0; c < count; ++c)
      for (Index j = 0; j < units; ++j) dstate[c * width + column + j] += dvalue[c * norm.x_stride + j];
  }
}

template <class T>
void CellLayer<T>::run_out_normalized_tangent(const CellWeights<T>& w, CellTape<T>& tape, CellRows<T> rows, CellCotangents<T> d,
                                              Index first_node, int segment) const {
  const Index units = layout_.hidden_size, width = layout_.state_width, count = rows.rows * tape.seeds;
  T* dstate = d.state;
  T* dseen = tape.dseen.data() + first_node * tape.seeds * width;
  copy_plain_states(layout_, dstate, dseen, count);
  for (std::size_t k = 0; k < layout_.normalized.size(); ++k) {
    const Index column = layout_.normalized[k].state * units;
    const NormRows<T> norm = normalized_rows(w, tape, first_node, rows.rows, k);
    library_.normalization.jacobian(norm, tape.seeds, dstate + column, width, false, dseen + column, width);
    for (Index c = 0; c < count; ++c)
      for (Index j = 0; j < units; ++j) dseen[c * width + column + j] *= norm.gain[j];
  }
  rows.state = tape.seen.data() + first_node * width;
  d.state = dseen;
  kernels_.jvp[segment](rows, d);
  copy_plain_states(layout_, dseen, dstate, count);
}

#define RECURRA_INSTANTIATE(T)                                                                                                   \
  template void CellLayer<T>::add_product(const PackedGates<T>&, const GateMatrix&, const std::vector<T>&, NormTape<T>&,         \
                                          Rows<const T>, CellTape<T>&, NodeRange) const;                                         \
  template void CellLayer<T>::add_product_back(const PackedGates<T>&, const GateMatrix&, const std::vector<T>&, NormTape<T>&,    \
                                               CellTape<T>&, NodeRange, Rows<T>) const;                                          \
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
