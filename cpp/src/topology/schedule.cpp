#include "schedule.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace recurra {

Schedule Schedule::sequences(const std::vector<Index>& lengths) {
  Schedule schedule;
  const Index batch = Index(lengths.size());
  const Index longest = batch ? lengths.front() : 0;
  schedule.begin_ = {0, batch};
  schedule.begin_.reserve(std::size_t(longest) + 2);
  for (Index t = 0, active = batch; t < longest; ++t) {
    while (active > 0 && lengths[std::size_t(active - 1)] <= t) --active;
    schedule.begin_.push_back(schedule.begin_.back() + active);
  }
  schedule.uniform_ = batch > 0 && lengths.back() == longest;
  return schedule;
}

Levels Schedule::run_from(Index level, Index end) const {
  Index stop = level + 1;
  while (stop < end && size(stop) == size(level) && size(level - 1) == size(level)) ++stop;
  return {level, stop};
}

Levels Schedule::run_until(Index level, Index begin) const {
  Index start = level;
  while (start > begin && size(start - 1) == size(level) && size(start - 2) == size(level)) --start;
  return {start, level + 1};
}

Index Schedule::length(Index sequence) const {
  // Level sizes shrink: the last level that still holds this row.
  Index low = 0, high = num_levels();
  while (low < high) {
    const Index middle = (low + high + 1) / 2;
    if (size(middle) > sequence)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

namespace {

// The level of each node: one more than its deepest parent's, found in topological order (Kahn 1962).
std::vector<Index> node_levels(const Incoming& parents, const std::string& name) {
  const Index nodes = parents.num_nodes();
  std::vector<Index> waiting(std::size_t(nodes), 0), level(waiting.size(), 1), ready;
  ready.reserve(waiting.size());
  for (Index v = 0; v < nodes; ++v) {
    const Index begin = parents.begin[std::size_t(v)], end = parents.begin[std::size_t(v) + 1];
    for (Index e = begin; e < end; ++e)
      if (const Index p = parents.source[std::size_t(e)]; p < 0 || p >= nodes)
        throw std::invalid_argument(name + ": node " + std::to_string(v) + " has parent " + std::to_string(p) +
                                    ", expected 0 .. " + std::to_string(nodes - 1));
    waiting[std::size_t(v)] = end - begin;
    if (begin == end) ready.push_back(v);
  }
  const Incoming children = reversed(parents);
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const std::size_t v = std::size_t(ready[i]);
    for (Index e = children.begin[v]; e < children.begin[v + 1]; ++e) {
      const std::size_t child = std::size_t(children.source[std::size_t(e)]);
      level[child] = std::max(level[child], level[v] + 1);
      if (--waiting[child] == 0) ready.push_back(Index(child));
    }
  }
  if (Index(ready.size()) != nodes) {
    const auto stuck = std::find_if(waiting.begin(), waiting.end(), [](Index left) { return left > 0; }) - waiting.begin();
    throw std::invalid_argument(name + ": the edges contain a cycle, which node " + std::to_string(stuck) +
                                " reads from, expected an acyclic graph");
  }
  return level;
}

}  // namespace

Schedule Schedule::graph(const Incoming& parents, const std::string& name) {
  const std::vector<Index> level = node_levels(parents, name);
  const std::size_t nodes = level.size();
  const Index deepest = nodes ? *std::max_element(level.begin(), level.end()) : 0;
  Schedule schedule;
  schedule.begin_.assign(std::size_t(deepest) + 2, 0);
  for (const Index l : level) ++schedule.begin_[std::size_t(l) + 1];
  schedule.begin_[1] = 1;  // the root
  for (std::size_t l = 2; l < schedule.begin_.size(); ++l) schedule.begin_[l] += schedule.begin_[l - 1];

  std::vector<Index> next(schedule.begin_.begin(), schedule.begin_.end() - 1), row_of(nodes);
  schedule.node_of_.resize(nodes);
  for (std::size_t v = 0; v < nodes; ++v) {
    row_of[v] = next[std::size_t(level[v])]++;
    schedule.node_of_[std::size_t(row_of[v] - 1)] = Index(v);
  }
  schedule.edge_begin_.reserve(nodes + 1);
  schedule.edge_begin_ = {0};
  for (const Index v : schedule.node_of_) {
    const Index begin = parents.begin[std::size_t(v)], end = parents.begin[std::size_t(v) + 1];
    for (Index e = begin; e < end; ++e) schedule.parent_row_.push_back(row_of[std::size_t(parents.source[std::size_t(e)])]);
    if (begin == end) schedule.parent_row_.push_back(0);
    if (!parents.slot.empty()) {
      schedule.slot_.insert(schedule.slot_.end(), parents.slot.begin() + begin, parents.slot.begin() + end);
      if (begin == end) schedule.slot_.push_back(0);  // the virtual parent's
    }
    schedule.edge_begin_.push_back(schedule.num_edges());
  }
  return schedule;
}

}  // namespace recurra
