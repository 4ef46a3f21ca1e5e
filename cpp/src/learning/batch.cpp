#include "batch.h"

#include <algorithm>
#include <numeric>

#include "checks.h"
#include "finite.h"

namespace recurra {

template <class T>
std::vector<std::vector<Index>> split_rows(const Sequences<T>& x, int parts) {
  std::vector<Index> rows(std::size_t(x.batch), 0);
  std::iota(rows.begin(), rows.end(), Index(0));
  if (x.topology && parts == 1) return {std::move(rows)};  // as they lie: nothing needs to be taken apart
  std::stable_sort(rows.begin(), rows.end(), [&](Index a, Index b) { return x.length(a) > x.length(b); });
  std::vector<std::vector<Index>> shards(std::size_t(parts), std::vector<Index>{});
  std::vector<Index> load(std::size_t(parts), 0);
  for (const Index row : rows) {  // each to the one with the least so far
    const std::size_t least = std::size_t(std::min_element(load.begin(), load.end()) - load.begin());
    shards[least].push_back(row);
    load[least] += x.length(row) + 1;
  }
  return shards;
}

template <class T>
std::vector<Index> window_lengths(const Sequences<T>& x, const std::vector<Index>& rows, Window window) {
  std::vector<Index> lengths;
  lengths.reserve(rows.size());
  for (const Index row : rows) lengths.push_back(window_length(x, row, window));
  return lengths;
}

std::vector<Step> chain_steps(const Schedule& schedule, const std::vector<Index>& rows) {
  std::vector<Step> steps;
  steps.reserve(std::size_t(schedule.num_nodes()));
  for (Index level = 1; level <= schedule.num_levels(); ++level)
    for (Index i = 0; i < schedule.size(level); ++i) steps.push_back({rows[std::size_t(i)], level - 1});
  return steps;
}

template <class T>
std::shared_ptr<const CompiledTopology> topology_of(const Sequences<T>& x, const std::vector<Index>& rows) {
  std::vector<Index> structures;
  structures.reserve(rows.size());
  for (const Index row : rows) structures.push_back(x.row(row));
  return x.topology->compiled()->some(structures);
}

std::vector<Step> topology_steps(const CompiledTopology& topology, const std::vector<Index>& rows) {
  std::vector<Step> steps;
  steps.reserve(std::size_t(topology.num_nodes()));
  for (Index node = 0; node < topology.num_nodes(); ++node) {
    const std::size_t v = std::size_t(topology.number(node));
    steps.push_back({rows[std::size_t(topology.structure_of[v])], topology.rank[v]});
  }
  return steps;
}

template <class T>
std::vector<Index> node_numbers(const Sequences<T>& x, const std::vector<Step>& steps) {
  std::vector<Index> numbers;
  numbers.reserve(steps.size());
  for (const Step& step : steps) numbers.push_back(x.entry(step.sequence, step.number));
  return numbers;
}

template <class T>
void gather_input(const Sequences<T>& x, const std::vector<Step>& steps, Window window, Workspace<T>& workspace) {
  const Model<T>& model = workspace.model();
  const Index width = model.input_size;
  T* const input = workspace.input();
  T* to = input;
  for (const Step& step : steps) to = std::copy_n(x.data + x.entry(step.sequence, window.begin + step.number) * width, width, to);
  if (!model.takes_ids() && all_finite(input, to - input)) return;
  const T* features = input;
  for (const Step& step : steps) {  // one by one: the error names the place
    check_features(model, features, place_in(x, step.sequence, window.begin + step.number));
    features += width;
  }
}

template <class T>
std::vector<Index> target_order(const Sequences<T>& x, const std::vector<Index>& rows) {
  std::vector<Index> order(rows.size());
  std::iota(order.begin(), order.end(), Index(0));
  const auto length = [&](Index position) { return x.target_length(rows[std::size_t(position)]); };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return length(a) > length(b); });
  return order;
}

template <class T>
bool gather_teacher(const Sequences<T>& x, const Target<T>* target, const std::vector<Step>& steps, Window window,
                    Workspace<T>& workspace) {
  const Model<T>& model = workspace.model();
  if (!x.teacher && !(target && model.decodes())) return false;
  const Index width = model.teacher_size(), time = model.decodes() ? x.target_time : x.time;
  const Index begin = model.decodes() ? 0 : window.begin;
  T* to = workspace.teacher();
  for (const auto& [sequence, number] : steps) {
    const Index step = begin + number, entry = x.row(sequence) * time + step;
    if (!x.teacher && model.num_symbols() > 0)
      *to = T(target->classes[entry]);
    else
      std::copy_n((x.teacher ? x.teacher : target->values) + entry * width, width, to);
    check_teacher(model.decodes() ? taught_by(x) : "teacher", model, to, {sequence, step});
    to += width;
  }
  return true;
}

template <class T>
void scatter_output(Workspace<T>& workspace, const Sequences<T>& x, const std::vector<Index>& rows,
                    const std::vector<Step>& steps, Window window, T* y) {
  const Index width = workspace.model().output_size;
  const Tape<T>& tape = workspace.last();
  const OutputGrid<T> grid(workspace.model(), x, window);
  const bool by_node = x.topology && !workspace.model().pools();
  const auto to = [&](Index sequence, Index number) {
    return y + (by_node ? x.entry(sequence, number) : sequence * grid.time() + grid.begin() + number) * width;
  };
  for (std::size_t node = 0; node < steps.size(); ++node)
    std::copy_n(tape.y + Index(node) * tape.y_stride, width, to(steps[node].sequence, steps[node].number));
  if (workspace.model().pools() || x.topology) return;
  const Schedule& schedule = workspace.output_schedule();
  for (Index i = 0; i < Index(rows.size()); ++i) {
    const Index row = rows[std::size_t(i)], length = schedule.length(i);
    std::fill_n(to(row, length), (grid.end() - grid.begin() - length) * width, T(0));
  }
}

#define RECURRA_INSTANTIATE(T)                                                                                                  \
  template std::vector<std::vector<Index>> split_rows(const Sequences<T>&, int);                                                \
  template std::vector<Index> window_lengths(const Sequences<T>&, const std::vector<Index>&, Window);                           \
  template std::shared_ptr<const CompiledTopology> topology_of(const Sequences<T>&, const std::vector<Index>&);                 \
  template std::vector<Index> node_numbers(const Sequences<T>&, const std::vector<Step>&);                                      \
  template void gather_input(const Sequences<T>&, const std::vector<Step>&, Window, Workspace<T>&);                             \
  template std::vector<Index> target_order(const Sequences<T>&, const std::vector<Index>&);                                     \
  template bool gather_teacher(const Sequences<T>&, const Target<T>*, const std::vector<Step>&, Window, Workspace<T>&);         \
  template void scatter_output(Workspace<T>&, const Sequences<T>&, const std::vector<Index>&, const std::vector<Step>&, Window, \
                               T*);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
