// Products on their way to the pre-activations, and layer normalisation: of products, each gate over its units before it is
// added, and of the states that `out` reads. (J. L. Ba et al., Layer normalization, 2016, eqs. 20 to 22, by gate: in that form
// it does not depend on how gates are grouped.)
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

namespace {
// Calls visit(run, of the gates' values, rates and gains, as NormRows) for each run of gates.
template <class T, class Visit>
void for_each_run(const CellLayout& layout, const GateMatrix& matrix, const std::vector<T>& gain, NormTape<T>& norm,
                  const NodeSlice& nodes, const Visit& visit) {
  const Index units = layout.hidden_size, gates = layout.info.num_gates;
  for (const GateRun& run : matrix.runs)
    visit(run, NormRows<T>{nodes.count, run.width / units, units, norm.value.data() + nodes.first * layout.a_width + run.column,
                           nodes.step * layout.a_width, norm.rate.data() + nodes.first * gates + run.column / units,
                           nodes.step * gates, gain.data() + run.column});
}

// Calls visit for parts of these nodes with `rows` cotangents or less.
template <class Visit>
void for_each_part(NodeRange nodes, Index seeds, Index rows, const Visit& visit) {
  const Index most = std::max<Index>(rows / seeds, 1);
  for (Index i = 0; i < nodes.count; i += most) visit(NodeRange{nodes.first + i, std::min(most, nodes.count - i)});
}

NodeSlice all(NodeRange nodes) { return {nodes.first, 1, nodes.count, 0, 1}; }
}  // namespace

template <class T>
Index CellLayer<T>::rows_normalized() const {
  constexpr Index bytes = Index(1) << 18, least = 32, most = 256;
  return std::clamp(bytes / (layout_.a_width * Index(sizeof(T))), least, most);
}

template <class T>
void CellLayer<T>::add_product(const PackedGates<T>& packed, const GateMatrix& matrix, const std::vector<T>& gain,
                               NormTape<T>& norm, const T* start, Rows<const T> source, CellTape<T>& tape,
                               NodeRange nodes) const {
  const Index width = layout_.a_width;
  T* a = tape.a.data() + nodes.first * width;
  if (layout_.options.layer_norm) {
    T* value = norm.value.data() + nodes.first * width;
    packed.set(products_, matrix, nullptr, source, nodes.count, {value, width});
    for_each_run(layout_, matrix, gain, norm, all(nodes), [&](const GateRun& run, const NormRows<T>& rows) {
      T* y = a + run.column;
      library_.normalization.forward(rows, rows.n, width, start ? start + run.column : y, start ? 0 : width, y, width);
    });
  } else if (start) {
    packed.set(products_, matrix, start, source, nodes.count, {a, width});
  } else {
    packed.add(products_, matrix, source, nodes.count, {a, width});
  }
}

template <class T>
void CellLayer<T>::add_product_back(const PackedGates<T>& packed, const GateMatrix& matrix, const std::vector<T>& gain,
                                    NormTape<T>& norm, CellTape<T>& tape, NodeRange nodes, Rows<T> dsource) const {
  if (!dsource.data) return;
  const Index seeds = tape.seeds, width = layout_.da_width;
  const T* da = tape.da + nodes.first * seeds * width;
  if (!layout_.options.layer_norm) return packed.add_back(products_, matrix, {da, width}, nodes.count * seeds, dsource);
  for_each_part(nodes, seeds, rows_normalized(), [&](NodeRange part) {
    const Index at = (part.first - nodes.first) * seeds;
    const Rows<T> d{tape.dproduct.data(), layout_.a_width};
    for_each_run(layout_, matrix, gain, norm, all(part), [&](const GateRun& run, const NormRows<T>& rows) {
      library_.normalization.jacobian(
          rows, {seeds, da + at * width + run.column, width, true, d.data + run.column, d.stride, false, nullptr});
    });
    packed.add_back(products_, matrix, {d.data, d.stride}, part.count * seeds,
                    {dsource.data + at * dsource.stride, dsource.stride});
  });
}

template <class T>
void CellLayer<T>::add_product_tangent(const PackedGates<T>& packed, const GateMatrix& matrix, const std::vector<T>& gain,
                                       NormTape<T>& norm, Rows<const T> dsource, CellTape<T>& tape, NodeRange nodes) const {
  const Index seeds = tape.seeds, width = layout_.da_width;
  T* da = tape.da + nodes.first * seeds * width;
  if (!layout_.options.layer_norm) return packed.add(products_, matrix, dsource, nodes.count * seeds, {da, width});
  for_each_part(nodes, seeds, rows_normalized(), [&](NodeRange part) {
    const Index at = (part.first - nodes.first) * seeds, count = part.count * seeds;
    const Rows<T> d{tape.dproduct.data(), layout_.a_width};
    packed.set(products_, matrix, nullptr, {dsource.data + at * dsource.stride, dsource.stride}, count, d);
    for_each_run(layout_, matrix, gain, norm, all(part), [&](const GateRun& run, const NormRows<T>& rows) {
      T* columns = d.data + run.column;
      library_.normalization.jacobian(rows, {seeds, columns, d.stride, false, columns, d.stride, false, nullptr});
      for (Index c = 0; c < count; ++c)
        for (Index j = 0; j < run.width; ++j) da[(at + c) * width + run.column + j] += rows.gain[j] * columns[c * d.stride + j];
    });
  });
}

template <class T>
Rows<const T> CellLayer<T>::product_cotangents(CellTape<T>& tape, const GateMatrix& matrix, const std::vector<T>& gain,
                                               NormTape<T>& norm, const NodeSlice& nodes, T* gradient) const {
  const Rows<T> d{tape.dproduct.data(), layout_.a_width};
  for_each_run(layout_, matrix, gain, norm, nodes, [&](const GateRun& run, const NormRows<T>& rows) {
    const T* da = tape.da + nodes.cotangent() * layout_.da_width + run.column;
    library_.normalization.jacobian(rows, {1, da, nodes.cotangent_step() * layout_.da_width, true, d.data + run.column, d.stride,
                                           false, gradient + matrix.gain + run.row});
  });
  return {d.data, d.stride};
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
    library_.normalization.forward(norm, states + column, width, w.state_shift.data() + Index(k) * units, 0, seen + column,
                                   width);
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
    library_.normalization.jacobian(norm, {tape.seeds, dseen + column, width, true, dstate + column, width, true, nullptr});
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
    library_.normalization.jacobian(norm, {tape.seeds, dstate + column, width, false, dseen + column, width, false, nullptr});
    for (Index c = 0; c < count; ++c)
      for (Index j = 0; j < units; ++j) dseen[c * width + column + j] *= norm.gain[j];
  }
  rows.state = tape.seen.data() + first_node * width;
  d.state = dseen;
  kernels_.jvp[segment](rows, d);
  copy_plain_states(layout_, dseen, dstate, count);
}

#define RECURRA_INSTANTIATE(T)                                                                                                   \
  template Index CellLayer<T>::rows_normalized() const;                                                                          \
  template void CellLayer<T>::add_product(const PackedGates<T>&, const GateMatrix&, const std::vector<T>&, NormTape<T>&,         \
                                          const T*, Rows<const T>, CellTape<T>&, NodeRange) const;                               \
  template void CellLayer<T>::add_product_back(const PackedGates<T>&, const GateMatrix&, const std::vector<T>&, NormTape<T>&,    \
                                               CellTape<T>&, NodeRange, Rows<T>) const;                                          \
  template void CellLayer<T>::add_product_tangent(const PackedGates<T>&, const GateMatrix&, const std::vector<T>&, NormTape<T>&, \
                                                  Rows<const T>, CellTape<T>&, NodeRange) const;                                 \
  template Rows<const T> CellLayer<T>::product_cotangents(CellTape<T>&, const GateMatrix&, const std::vector<T>&, NormTape<T>&,  \
                                                          const NodeSlice&, T*) const;                                           \
  template void CellLayer<T>::run_out_normalized(const CellWeights<T>&, CellTape<T>&, CellRows<T>, Index, int) const;            \
  template void CellLayer<T>::run_out_normalized_back(const CellWeights<T>&, CellTape<T>&, CellRows<T>, CellCotangents<T>,       \
                                                      Index, int) const;                                                         \
  template void CellLayer<T>::run_out_normalized_tangent(const CellWeights<T>&, CellTape<T>&, CellRows<T>, CellCotangents<T>,    \
                                                         Index, int) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
