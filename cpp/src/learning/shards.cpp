#include "shards.h"

#include <algorithm>

#include "../layers/row_team.h"
#include "recurra/threads.h"
#include "segments.h"

namespace recurra {

namespace {

// What there is to do.
template <class T>
Index nodes(const Sequences<T>& x, Index steps) {
  Index count = 0;
  for (Index i = 0; x.topology && i < x.batch; ++i) count += x.length(i);
  return x.topology ? count : x.batch * steps;
}

template <class T>
int worthwhile_threads(const Sequences<T>& x, Index steps, Index num_parameters) {
  constexpr double worthwhile = 2e5;  // multiply-adds
  const double work = double(nodes(x, steps)) * double(num_parameters + 1);
  const Index most = std::min<Index>({x.batch, num_threads(), Index(std::min(work / worthwhile, 1e6)) + 1});
  return int(std::max<Index>(most, 1));
}

template <class T>
int num_parts(const Sequences<T>& x, Index steps, int threads, StepMemory memory, bool whole) {
  constexpr Index nodes_in_caches = 1024, rows_at_least = 8;  // fewer rows would leave the products' tiles incomplete
  constexpr Index forward_rows = 32;                          // in segments of time, of forward_nodes
  constexpr double in_caches = 1.5e6, small_weights = 2.5e6;  // bytes, for one core's second level
  Index rounds = 1;
  if (x.topology) {
    rounds = std::min(nodes(x, steps) / (threads * nodes_in_caches), x.batch / threads);
  } else if (memory.step > 0 && memory.weights <= small_weights) {
    const Index fitting = Index(in_caches / (memory.step * double(steps + 1))) / rows_at_least * rows_at_least;
    const Index rows = whole ? fitting : std::max(forward_rows, forward_nodes / std::max<Index>(steps, 1));
    rounds = x.batch / threads / std::max(rows, rows_at_least);
  }
  return threads * int(std::max<Index>(rounds, 1));
}

}  // namespace

template <class T>
StepMemory step_memory(const Model<T>& model) {
  const bool over_time = model.domain == Domain::any || model.domain == Domain::time;
  if (model.decodes() || !over_time) return {};
  const auto bytes = [&](Index steps) {
    Workspace<T> workspace(model);
    workspace.go_back_once();
    workspace.prepare(Schedule::sequences(1, steps), true);
    return double(workspace.bytes());
  };
  const std::size_t first = !model.layers.empty() && model.layers.front()->input() == Input::ids;
  const Index read = model.parameter_offset.back() - model.parameter_offset[first];
  return {(bytes(16) - bytes(8)) / 8, double(read) * double(sizeof(T))};
}

template <class T>
Extent extent(const Sequences<T>& x, Index pass, Index segment) {
  if (x.topology) return {x.time, x.time};
  const Index length = segment_length(pass, segment);
  return {pass, length > 0 ? length : pass};
}

// Threads for one row, which cannot be split, or for a few rows and so many weights that each thread would read all of them. 1:
// none.
template <class T>
int team_size(const Sequences<T>& x, Index steps, int threads, StepMemory memory) {
  constexpr double large = 1e6, per_thread = 1.2e5;  // bytes of weights
  constexpr double worthwhile = 4e6;                 // of them in all steps: some 100 us
  constexpr Index few_rows = 16;
  if (x.topology || memory.weights < large || memory.weights * double(steps) < worthwhile) return 1;
  if (x.batch >= std::min<Index>(few_rows, 8 * num_threads()) || (x.batch > 1 && threads == 1)) return 1;
  return int(std::min<double>({double(num_threads()), double(RowTeam::most), memory.weights / per_thread}));
}

template <class T>
Split split(const Sequences<T>& x, Extent extent, Index num_parameters, StepMemory memory, bool whole) {
  const int threads = worthwhile_threads(x, extent.pass, num_parameters), team = team_size(x, extent.pass, threads, memory);
  if (team > 1) return {1, num_parts(x, extent.at_once, 1, memory, whole), team};
  return {threads, num_parts(x, extent.at_once, threads, memory, whole), 1};
}

#define RECURRA_INSTANTIATE(T)                               \
  template StepMemory step_memory(const Model<T>&);          \
  template Extent extent(const Sequences<T>&, Index, Index); \
  template Split split(const Sequences<T>&, Extent, Index, StepMemory, bool);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
