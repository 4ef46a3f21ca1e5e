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
int num_parts(const Sequences<T>& x, Index steps, int threads, StepMemory memory) {
  constexpr Index nodes_in_caches = 1024, rows_at_least = 8;  // fewer rows would leave the products' tiles incomplete
  constexpr double in_caches = 3e6, small_weights = 3e5;      // bytes
  Index rounds = 1;
  if (x.topology) {
    rounds = std::min(nodes(x, steps) / (threads * nodes_in_caches), x.batch / threads);
  } else if (memory.step > 0 && memory.weights <= small_weights) {
    const Index rows = Index(in_caches / (memory.step * double(steps + 1))) / rows_at_least * rows_at_least;
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
    workspace.prepare(Schedule::sequences(1, steps), true);
    return double(workspace.bytes());
  };
  return {(bytes(16) - bytes(8)) / 8, double(model.parameter_offset.back()) * double(sizeof(T))};
}

template <class T>
Extent extent(const Sequences<T>& x, Index pass, Index segment) {
  if (x.topology) return {x.time, x.time};
  const Index length = segment_length(pass, segment);
  return {pass, length > 0 ? length : pass};
}

template <class T>
Split split(const Sequences<T>& x, Extent extent, Index num_parameters, StepMemory memory) {
  const int threads = worthwhile_threads(x, extent.pass, num_parameters),
            team = int(std::min<Index>(num_threads(), RowTeam::most));
  // Bytes of weights: of one row's products, for which threads are left over, and of such as each thread would read for a few
  // rows.
  constexpr double worth_sharing = 2.5e5, large_weights = 1e6;
  constexpr Index few_rows = 8;
  if (team > 1 && (x.batch == 1 ? memory.weights >= worth_sharing
                                : memory.weights >= large_weights && threads > 1 && x.batch < few_rows * team))
    return {1, num_parts(x, extent.at_once, 1, memory), team};
  return {threads, num_parts(x, extent.at_once, threads, memory), 1};
}

#define RECURRA_INSTANTIATE(T)                               \
  template StepMemory step_memory(const Model<T>&);          \
  template Extent extent(const Sequences<T>&, Index, Index); \
  template Split split(const Sequences<T>&, Extent, Index, StepMemory);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
