// A topology, compiled: nodes in levels, so that a level only needs earlier ones, and the parents of each node.
//
// Rows are numbered level by level. Level 0 holds the roots, the virtual parents (initial states), one per sequence of a
// batch or one for a graph; levels 1 .. num_levels() hold the nodes. A batch of sequences keeps its parents implicit: row i
// of a level has row i of the level before as its only parent, so the sequences must come longest first.
#pragma once

#include <string>
#include <vector>

#include "incoming.h"

namespace recurra {

struct Levels {  // begin .. end - 1
  Index begin, end;
};

class Schedule {
 public:
  Schedule() = default;

  // Sequences of these lengths, longest first.
  static Schedule sequences(const std::vector<Index>& lengths);
  // `batch` sequences of `time` steps each.
  static Schedule sequences(Index batch, Index time) { return sequences(std::vector<Index>(std::size_t(batch), time)); }
  // A directed acyclic graph, by the parents that each node reads from; nodes without any get the one root. node_of() maps the
  // schedule's order back. In time and memory that grow as nodes and edges. Throws std::invalid_argument on a cycle or an index
  // out of range, as an error of `name`.
  static Schedule graph(const Incoming& parents, const std::string& name = "graph");

  Index num_levels() const { return Index(begin_.size()) - 2; }
  Index num_roots() const { return begin_[1]; }
  Index num_nodes() const { return begin_.back() - num_roots(); }
  Index num_rows() const { return begin_.back(); }
  Index num_edges() const { return Index(parent_row_.size()); }
  Levels all_levels() const { return {1, num_levels() + 1}; }
  Index row(Index level) const { return begin_[std::size_t(level)]; }  // the level's first row
  Index size(Index level) const { return row(level + 1) - row(level); }
  Index first_node(Index level) const { return row(level) - num_roots(); }  // nodes are rows without the roots

  bool is_chain() const { return edge_begin_.empty(); }
  bool is_uniform() const { return uniform_; }  // a chain whose levels all have the same size
  // Of a chain: from a level on (up to end - 1), and up to one (from begin on), the levels whose rows read from the row that lies
  // the same distance before, so that a kernel can run through all of them. At least the level itself.
  Levels run_from(Index level, Index end) const;
  Levels run_until(Index level, Index begin) const;
  Index length(Index sequence) const;                                         // of a chain
  Index parent_of(Index level, Index i) const { return row(level - 1) + i; }  // of a chain

  const std::vector<Index>& edge_begin() const { return edge_begin_; }  // by node, num_nodes() + 1
  const std::vector<Index>& parent_row() const { return parent_row_; }  // by edge
  const std::vector<Index>& slot() const { return slot_; }              // by edge; empty: none has one
  const std::vector<Index>& node_of() const { return node_of_; }        // the caller's number of each node, for graphs

 private:
  std::vector<Index> begin_{0, 0};  // by level, and the end
  std::vector<Index> edge_begin_, parent_row_, slot_, node_of_;
  bool uniform_ = false;
};

}  // namespace recurra
