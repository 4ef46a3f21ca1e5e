// What trees add to the sweeps. A node's source is what its children feed, summed or side by side by slot; R times it is one
// product for all nodes of a level. Summed, an edge gate sees its own child alone: its part of R is multiplied once per child,
// when the child's level is complete. All leaves have the same source, the initial state, so that theirs is one row.
#include <algorithm>
#include <stdexcept>

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

}  // namespace

Index slot_of(const Schedule& schedule, Index node, Index edge) {
  return schedule.slot().empty() ? edge - schedule.edge_begin()[std::size_t(node)] : schedule.slot()[std::size_t(edge)];
}

// The sources of a level: the leaves share row 0.
NodeRange source_rows(const Schedule& schedule, Index level) {
  if (level == 1) return {0, 1};
  return {schedule.first_node(level) - schedule.size(1) + 1, schedule.size(level)};
}

namespace {

// Calls visit(node, row of its source, edge) for all edges of a level.
template <class Visit>
void for_each_edge(const Schedule& schedule, Index level, const Visit& visit) {
  const NodeRange sources = source_rows(schedule, level);
  for (Index i = 0; i < schedule.size(level); ++i) {
    const Index node = schedule.first_node(level) + i, source = sources.first + (level == 1 ? 0 : i);
    for (Index e = schedule.edge_begin()[std::size_t(node)]; e < schedule.edge_begin()[std::size_t(node) + 1]; ++e)
      visit(node, source, e);
  }
}

}  // namespace

template <class T>
void CellLayer<T>::gather_source(CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index width = layout_.source_width, first = schedule.first_node(level);
  const NodeRange rows = source_rows(schedule, level);
  std::fill_n(tape.source.begin() + rows.first * width, rows.count * width, T(0));
  if (level == 1) {
    std::copy_n(tape.state.begin(), layout_.feed_width, tape.source.begin());
  } else if (layout_.options.parents == Parents::summed) {
    const EdgeTerms<T> children{
        rows.count, schedule.edge_begin().data() + first, schedule.parent_row().data(), 1, layout_.feed_width, nullptr, nullptr};
    library_.gathers.sum(children, tape.state.data(), layout_.state_width, tape.source.data() + rows.first * width, width);
  } else {
    for_each_edge(schedule, level, [&](Index node, Index row, Index e) {  // from above, two may have the same slot
      add(tape.state.data() + schedule.parent_row()[std::size_t(e)] * layout_.state_width, layout_.feed_width,
          tape.source.data() + row * width + slot_of(schedule, node, e) * layout_.feed_width);
    });
  }
}

template <class T>
void CellLayer<T>::read_children(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index units = layout_.hidden_size, first = schedule.first_node(level), edge_width = layout_.edge_feed_width;
  const NodeRange rows = source_rows(schedule, level);
  gather_source(tape, level);
  const T* source = tape.source.data() + rows.first * layout_.source_width;
  if (level == 1) std::fill(tape.leaf_a.begin(), tape.leaf_a.end(), T(0));
  const Rows<T> a{level == 1 ? tape.leaf_a.data() : tape.a.data() + first * layout_.a_width, layout_.a_width};
  w.node_feed.add(products_, layout_.node_feed, {source, layout_.source_width}, rows.count, a);
  if (layout_.options.bilinear) add_bilinear(w, tape, rows, a);
  for (Index i = 0; level == 1 && i < schedule.size(1); ++i)
    add(tape.leaf_a.data(), layout_.a_width, tape.a.data() + (first + i) * layout_.a_width);
  if (edge_width == 0) return;
  const bool summed = layout_.options.parents == Parents::summed;
  const Index fed_first = summed ? schedule.row(level - 1) : rows.first;
  const Index fed_count = summed ? schedule.size(level - 1) : rows.count;
  std::fill_n(tape.fed.begin() + fed_first * edge_width, fed_count * edge_width, T(0));
  const Rows<const T> fed_by{summed ? tape.state.data() + fed_first * layout_.state_width : source,
                             summed ? layout_.state_width : layout_.source_width};
  w.edge_feed.add(products_, layout_.edge_feed, fed_by, fed_count, {tape.fed.data() + fed_first * edge_width, edge_width});
  for_each_edge(schedule, level, [&](Index node, Index row, Index e) {
    const T* a_row = tape.a.data() + node * layout_.a_width;
    const T* fed = tape.fed.data() + (summed ? schedule.parent_row()[std::size_t(e)] * edge_width
                                             : row * edge_width + slot_of(schedule, node, e) * layout_.edge_width);
    T* edge = tape.edge_a.data() + e * layout_.edge_width;
    for_edge_gates(layout_.info, [&](int k, int rank) {
      for (Index j = 0; j < units; ++j) edge[rank * units + j] = a_row[k * units + j] + fed[rank * units + j];
    });
  });
}

template <class T>
void CellLayer<T>::give_children(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  const Schedule& schedule = *tape.in;
  const Index first = schedule.first_node(level), width = layout_.source_width, edge_width = layout_.edge_feed_width;
  const NodeRange rows = source_rows(schedule, level);
  const bool summed = layout_.options.parents == Parents::summed;
  if (level == 1) {
    std::fill(tape.leaf_da.begin(), tape.leaf_da.end(), T(0));
    for (Index i = 0; i < schedule.size(1); ++i)
      add(tape.da + (first + i) * layout_.da_width, layout_.da_width, tape.leaf_da.data());
  }
  const Rows<const T> d{level == 1 ? tape.leaf_da.data() : tape.da + first * layout_.da_width, layout_.da_width};
  const Rows<T> dsource{tape.dsource.data() + rows.first * width, width};
  std::fill_n(dsource.data, rows.count * width, T(0));
  w.node_feed.add_back(products_, layout_.node_feed, d, rows.count, dsource);
  if (layout_.options.bilinear) add_bilinear_back(w, tape, rows, d, dsource);
  if (edge_width > 0) {
    if (!summed) std::fill_n(tape.dfed.begin() + rows.first * edge_width, rows.count * edge_width, T(0));
    for_each_edge(schedule, level, [&](Index node, Index row, Index e) {
      add(tape.dedge_a.data() + e * layout_.edge_width, layout_.edge_width,
          tape.dfed.data() + (summed ? schedule.parent_row()[std::size_t(e)] * edge_width
                                     : row * edge_width + slot_of(schedule, node, e) * layout_.edge_width));
    });
    if (!summed)
      w.edge_feed.add_back(products_, layout_.edge_feed, {tape.dfed.data() + rows.first * edge_width, edge_width}, rows.count,
                           dsource);
  }
  const auto give = [&](Index row, Index slot, Index child) {
    add(tape.dsource.data() + row * width + slot * layout_.feed_width, layout_.feed_width,
        tape.dstate.data() + child * layout_.state_width);
  };
  if (level == 1) return give(0, 0, 0);
  for_each_edge(schedule, level, [&](Index node, Index row, Index e) {
    give(row, summed ? 0 : slot_of(schedule, node, e), schedule.parent_row()[std::size_t(e)]);
  });
}

// What the states of a level get back from the edge gates of those that read them; they have all been there.
template <class T>
void CellLayer<T>::receive(const CellWeights<T>& w, CellTape<T>& tape, Index level) const {
  if (layout_.edge_feed_width == 0 || layout_.options.parents != Parents::summed) return;
  const Index row = tape.in->row(level);
  w.edge_feed.add_back(products_, layout_.edge_feed, {tape.dfed.data() + row * layout_.edge_feed_width, layout_.edge_feed_width},
                       tape.in->size(level), {tape.dstate.data() + row * layout_.state_width, layout_.state_width});
}

// After `backward` went through all levels.
template <class T>
void CellLayer<T>::add_tree_gradient(CellTape<T>& tape, T* gradient) const {
  const Schedule& schedule = *tape.in;
  const Index leaves = schedule.num_nodes() > 0 ? schedule.size(1) : 0, rest = schedule.num_nodes() - leaves;
  const auto outer = [&](const GateMatrix& matrix, Rows<const T> d, Rows<const T> source, Index rows) {
    for (const GateProduct& p : matrix.products)
      add_outer(products_, d.data + p.column, d.stride, source.data + p.source, source.stride, rows, p.width, p.depth,
                gradient + matrix.offset + p.row * matrix.columns, matrix.columns, tape.scratch.data());
  };
  const Rows<const T> source{tape.source.data(), layout_.source_width};
  const GateMatrix &nodes = layout_.node_feed, &edges = layout_.edge_feed;
  outer(nodes, {tape.leaf_da.data(), layout_.da_width}, source, 1);
  outer(nodes, {tape.da + leaves * layout_.da_width, layout_.da_width}, {source.data + source.stride, source.stride}, rest);
  if (layout_.options.parents == Parents::summed)
    outer(edges, {tape.dfed.data(), layout_.edge_feed_width}, {tape.state.data(), layout_.state_width}, schedule.num_rows());
  else
    outer(edges, {tape.dfed.data(), layout_.edge_feed_width}, source, 1 + rest);
  if (layout_.options.bilinear) add_bilinear_gradient(tape, 1 + rest, gradient);
}

template <class T>
void CellLayer<T>::reserve_tree(CellTape<T>& tape, bool backward) const {
  const Schedule& schedule = *tape.in;
  const Index sources = schedule.num_nodes() > 0 ? 1 + schedule.num_nodes() - schedule.size(1) : 1;
  const Index fed_rows = layout_.options.parents == Parents::summed ? schedule.num_rows() : sources;
  const auto size = [&](auto& values, Index count, Index width) { values.resize(std::size_t(count * width)); };
  size(tape.source, sources, layout_.source_width);
  size(tape.fed, fed_rows, layout_.edge_feed_width);
  size(tape.edge_a, schedule.num_edges(), layout_.edge_width);
  size(tape.leaf_a, 1, layout_.a_width);
  if (layout_.options.bilinear) reserve_bilinear(tape, sources, backward);
  if (!backward) return;
  size(tape.dsource, sources, layout_.source_width);
  size(tape.dfed, fed_rows, layout_.edge_feed_width);
  size(tape.dedge_a, schedule.num_edges(), layout_.edge_width);
  size(tape.leaf_da, 1, layout_.da_width);
}

#define RECURRA_INSTANTIATE(T)                                                                 \
  template void CellLayer<T>::read_children(const CellWeights<T>&, CellTape<T>&, Index) const; \
  template void CellLayer<T>::give_children(const CellWeights<T>&, CellTape<T>&, Index) const; \
  template void CellLayer<T>::receive(const CellWeights<T>&, CellTape<T>&, Index) const;       \
  template void CellLayer<T>::add_tree_gradient(CellTape<T>&, T*) const;                       \
  template void CellLayer<T>::reserve_tree(CellTape<T>&, bool) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
