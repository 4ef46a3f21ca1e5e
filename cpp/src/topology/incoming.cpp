#include "incoming.h"

namespace recurra {

namespace {

// Turns counts by node (at begin[node + 1]) into where each node's edges begin.
void add_up(std::vector<Index>& begin) {
  for (std::size_t v = 1; v < begin.size(); ++v) begin[v] += begin[v - 1];
}

}  // namespace

Incoming by_target(Index nodes, std::span<const Index> source, std::span<const Index> target, std::vector<Index>& order) {
  Incoming result;
  result.begin.assign(std::size_t(nodes) + 1, 0);
  for (const Index v : target) ++result.begin[std::size_t(v) + 1];
  add_up(result.begin);
  std::vector<Index> next(result.begin.begin(), result.begin.end() - 1);
  order.resize(source.size());
  result.source.resize(source.size());
  for (std::size_t e = 0; e < source.size(); ++e) {
    const std::size_t to = std::size_t(next[std::size_t(target[e])]++);
    order[to] = Index(e);
    result.source[to] = source[e];
  }
  return result;
}

Incoming reversed(const Incoming& edges) {
  const std::size_t nodes = std::size_t(edges.num_nodes());
  Incoming result;
  result.begin.assign(nodes + 1, 0);
  result.source.resize(edges.source.size());
  result.slot.resize(edges.slot.size());
  for (const Index p : edges.source) ++result.begin[std::size_t(p) + 1];
  add_up(result.begin);
  std::vector<Index> next(result.begin.begin(), result.begin.end() - 1);
  for (std::size_t v = 0; v < nodes; ++v)
    for (Index e = edges.begin[v]; e < edges.begin[v + 1]; ++e) {
      const Index to = next[std::size_t(edges.source[std::size_t(e)])]++;
      result.source[std::size_t(to)] = Index(v);
      if (!edges.slot.empty()) result.slot[std::size_t(to)] = edges.slot[std::size_t(e)];
    }
  return result;
}

}  // namespace recurra
