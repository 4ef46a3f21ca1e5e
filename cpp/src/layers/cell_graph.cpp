// What graphs add to the sweeps: R times the fed states is made once per parent and gathered by its children, and back.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

namespace {

template <class T>
void add(const T* from, Index width, T* to) {
  for (Index j = 0; j < width; ++j) to[j] += from[j];
}

// Calls visit(gate, its rank among the edge gates).
template <class Visit>
void for_edge_gates(const CellInfo& info, const Visit& visit) {
  for (int k = 0, rank = 0; k < info.num_gates; ++k)
    if (info.gates[k].stage == Stage::edge) visit(k, rank++);
}
template <class Visit>
void for_fed_node_gates(const CellInfo& info, const Visit& visit) {
  for (int k = 0; k < info.num_gates; ++k)
    if (info.gates[k].stage != Stage::edge && info.gates[k].recurrent == From::feed) visit(k);
}

}  // namespace

template <class T>
void CellLayer<T>::gather_edges(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index units = layout_.hidden_size, before = schedule.row(level - 1);
  // The level before is complete: its products serve all its children, whatever their level.
  std::fill_n(tape.fed.begin() + before * layout_.a_width, schedule.size(level - 1) * layout_.a_width, T(0));
  w.feed.add(products_, layout_.feed, {tape.state.data() + before * layout_.state_width, layout_.state_width},
             schedule.size(level - 1), {tape.fed.data() + before * layout_.a_width, layout_.a_width});
  for (Index node = schedule.first_node(level); node < schedule.first_node(level + 1); ++node) {
    T* a = tape.a.data() + node * layout_.a_width;
    for (Index e = schedule.edge_begin()[std::size_t(node)]; e < schedule.edge_begin()[std::size_t(node) + 1]; ++e) {
      const T* fed = tape.fed.data() + schedule.parent_row()[std::size_t(e)] * layout_.a_width;
      for_edge_gates(layout_.info, [&](int k, int rank) {
        T* edge = tape.edge_a.data() + e * layout_.edge_width + rank * units;
        std::copy_n(a + k * units, units, edge);
        add(fed + k * units, units, edge);
      });
      for_fed_node_gates(layout_.info, [&](int k) { add(fed + k * units, units, a + k * units); });
    }
  }
}

template <class T>
void CellLayer<T>::scatter_edges(CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index units = layout_.hidden_size, seeds = tape.seeds;
  for (Index node = schedule.first_node(level); node < schedule.first_node(level + 1); ++node)
    for (Index e = schedule.edge_begin()[std::size_t(node)]; e < schedule.edge_begin()[std::size_t(node) + 1]; ++e)
      for (Index seed = 0; seed < seeds; ++seed) {
        T* dfed = tape.dfed.data() + (schedule.parent_row()[std::size_t(e)] * seeds + seed) * layout_.a_width;
        const T* da = tape.da.data() + (node * seeds + seed) * layout_.da_width;
        const T* edge = tape.dedge_a.data() + (e * seeds + seed) * layout_.edge_width;
        for_edge_gates(layout_.info, [&](int k, int rank) { add(edge + rank * units, units, dfed + k * units); });
        for_fed_node_gates(layout_.info, [&](int k) { add(da + k * units, units, dfed + k * units); });
      }
}

#define RECURRA_INSTANTIATE(T)                                                                \
  template void CellLayer<T>::gather_edges(const CellWeights<T>&, CellTape<T>&, Index) const; \
  template void CellLayer<T>::scatter_edges(CellTape<T>&, Index) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
