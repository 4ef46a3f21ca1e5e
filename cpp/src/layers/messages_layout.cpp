// Messages at rest: what they need of the edges, and memory.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "messages_tape.h"

namespace recurra {

namespace {

template <class T>
void lay_out_edges(MessagesTape<T>& tape, const MessageOptions& o) {
  const CompiledGraphs& graphs = *tape.graphs;
  const Incoming& edges = graphs.edges;
  tape.features.resize(graphs.features.size());
  std::transform(graphs.features.begin(), graphs.features.end(), tape.features.begin(), [](double x) { return T(x); });
  tape.weight.resize(std::size_t(edges.num_edges()));
  for (Index v = 0; v < edges.num_nodes(); ++v) {
    const Index begin = edges.begin[std::size_t(v)], end = edges.begin[std::size_t(v) + 1];
    for (Index e = begin; e < end; ++e) {
      const double given = graphs.weights.empty() ? 1 : graphs.weights[std::size_t(e)];
      tape.weight[std::size_t(e)] = T(o.aggregation == Aggregation::mean ? given / double(end - begin) : given);
    }
  }
}

}  // namespace

template <class T>
Messages<T>::Messages(const Kernels<T>& kernels, MessageOptions options, std::vector<Child<T>> children)
    : Wrapper<T>(std::move(children)), kernels_(kernels), options_(options) {}

template <class T>
void Messages<T>::check(const CompiledTopology& topology) const {
  const auto& graphs = static_cast<const CompiledGraphs&>(topology);
  const auto refuse = [](const std::string& what) { throw std::invalid_argument("GraphNet: the edges have " + what); };
  if (graphs.edges.num_edges() == 0) return;
  if (options_.edge_size > 0 && graphs.num_features != options_.edge_size)
    refuse(std::to_string(graphs.num_features) + " features, expected " + std::to_string(options_.edge_size));
  for (const std::vector<double>* values : {&graphs.features, &graphs.weights})
    for (const double value : *values)
      if (!std::isfinite(T(value)))
        refuse("a feature or weight " + std::to_string(value) + ", expected values that this dtype holds");
  if (options_.types == 0) return;
  if (graphs.types.empty()) refuse("no types, expected 0 .. " + std::to_string(options_.types - 1) + " for ByType");
  const Index most = *std::max_element(graphs.types.begin(), graphs.types.end());
  if (most >= options_.types) refuse("type " + std::to_string(most) + ", expected 0 .. " + std::to_string(options_.types - 1));
}

template <class T>
std::unique_ptr<Tape<T>> Messages<T>::make_tape() const {
  auto tape = std::make_unique<MessagesTape<T>>();
  for (std::size_t i = 0; i < this->size(); ++i) tape->children.push_back(this->child(i).make_tape());
  return tape;
}

template <class T>
void Messages<T>::reserve_over_edges(Tape<T>& of, std::size_t i, const Schedule& schedule, Rows<const T> x, bool backward) const {
  Tape<T>& inner = this->tape(of, i);
  inner.in = inner.out = &schedule;
  inner.x = x.data;
  inner.x_stride = x.stride;
  this->child(i).reserve(inner, backward);
}

template <class T>
void Messages<T>::reserve(Tape<T>& of, bool backward) const {
  auto& tape = static_cast<MessagesTape<T>&>(of);
  if (!of.topology || of.topology->domain() != Domain::graphs) throw std::logic_error("Messages: expected graphs");
  tape.graphs = static_cast<const CompiledGraphs*>(of.topology);
  check(*tape.graphs);
  lay_out_edges(tape, options_);
  const Index edges = tape.num_edges(), rounds = options_.rounds;
  const auto size = [](auto& values, Index count) { values.resize(std::size_t(count)); };
  tape.edge_rows = Schedule::sequences(edges, 1);
  reserve_plain(tape, options_.message_size, backward);
  size(tape.factor, edges * options_.terms);
  size(tape.scaled, edges * options_.terms);
  if (options_.aggregation == Aggregation::max) size(tape.winner, rounds * tape.num_nodes() * options_.message_size);
  if (backward) {
    const bool learns = options_.edge_net && reads_edges();
    size(tape.dfactor, learns ? edges * options_.terms : 0);
    size(tape.dots, learns || options_.attention ? edges * options_.terms : 0);
  }
  this->reserve_child(of, 0, of.x, of.x_stride, backward);  // rounds of their own share its tape
  const Rows<const T> features{tape.features.data(), options_.edge_size};
  if (reads_edges()) reserve_over_edges(of, this->edges(), tape.edge_rows, features, backward);
  if (options_.pairs) reserve_pairs(of, backward);
  if (options_.attention) reserve_attention(of, backward);
}

#define RECURRA_INSTANTIATE(T)                                                                                      \
  template Messages<T>::Messages(const Kernels<T>&, MessageOptions, std::vector<Child<T>>);                         \
  template void Messages<T>::check(const CompiledTopology&) const;                                                  \
  template std::unique_ptr<Tape<T>> Messages<T>::make_tape() const;                                                 \
  template void Messages<T>::reserve_over_edges(Tape<T>&, std::size_t, const Schedule&, Rows<const T>, bool) const; \
  template void Messages<T>::reserve(Tape<T>&, bool) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
