#include "batch.h"

#include <algorithm>
#include <numeric>

#include "../topology/compiled_forest.h"
#include "checks.h"

namespace recurra {

template <class T>
std::vector<std::vector<Index>> split_rows(const Sequences<T>& x, int parts) {
  std::vector<Index> rows(std::size_t(x.batch), 0);
  std::iota(rows.begin(), rows.end(), Index(0));
  std::stable_sort(rows.begin(), rows.end(), [&](Index a, Index b) { return x.length(a) > x.length(b); });
  std::vector<std::vector<Index>> shards(std::size_t(parts), std::vector<Index>{});
  for (std::size_t i = 0; i < rows.size(); ++i) shards[i % std::size_t(parts)].push_back(rows[i]);
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
Schedule tree_schedule(const Sequences<T>& trees, const std::vector<Index>& rows) {
  std::vector<Index> numbers;
  for (const Index row : rows) numbers.push_back(trees.row(row));
  return trees.forest->take(numbers).compiled()->up;
}

template <class T>
std::vector<Step> tree_steps(const Schedule& schedule, const Sequences<T>& trees, const std::vector<Index>& rows) {
  std::vector<Step> by_number, steps;
  for (const Index row : rows)
    for (Index i = 0; i < trees.length(row); ++i) by_number.push_back({row, i});
  steps.reserve(by_number.size());
  for (const Index v : schedule.node_of()) steps.push_back(by_number[std::size_t(v)]);
  return steps;
}

template <class T>
void gather_input(const Sequences<T>& x, const std::vector<Step>& steps, Window window, Workspace<T>& workspace) {
  const Model<T>& model = workspace.model();
  const Index width = model.input_size;
  T* to = workspace.input();
  for (const Step& step : steps) {
    const Index number = window.begin + step.number;
    const T* from = x.data + x.entry(step.sequence, number) * width;
    check_features(model, from, place_in(x, step.sequence, number));
    to = std::copy_n(from, width, to);
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
  const bool by_node = x.forest && !workspace.model().pools();
  const auto to = [&](Index sequence, Index number) {
    return y + (by_node ? x.entry(sequence, number) : sequence * grid.time() + grid.begin() + number) * width;
  };
  for (std::size_t node = 0; node < steps.size(); ++node)
    std::copy_n(tape.y + Index(node) * tape.y_stride, width, to(steps[node].sequence, steps[node].number));
  if (workspace.model().pools() || x.forest) return;
  const Schedule& schedule = workspace.output_schedule();
  for (Index i = 0; i < Index(rows.size()); ++i) {
    const Index row = rows[std::size_t(i)], length = schedule.length(i);
    std::fill_n(to(row, length), (grid.end() - grid.begin() - length) * width, T(0));
  }
}

#define RECURRA_INSTANTIATE(T)                                                                                                  \
  template std::vector<std::vector<Index>> split_rows(const Sequences<T>&, int);                                                \
  template std::vector<Index> window_lengths(const Sequences<T>&, const std::vector<Index>&, Window);                           \
  template Schedule tree_schedule(const Sequences<T>&, const std::vector<Index>&);                                              \
  template std::vector<Step> tree_steps(const Schedule&, const Sequences<T>&, const std::vector<Index>&);                       \
  template void gather_input(const Sequences<T>&, const std::vector<Step>&, Window, Workspace<T>&);                             \
  template std::vector<Index> target_order(const Sequences<T>&, const std::vector<Index>&);                                     \
  template bool gather_teacher(const Sequences<T>&, const Target<T>*, const std::vector<Step>&, Window, Workspace<T>&);         \
  template void scatter_output(Workspace<T>&, const Sequences<T>&, const std::vector<Index>&, const std::vector<Step>&, Window, \
                               T*);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
