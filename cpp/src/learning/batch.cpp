#include "batch.h"

#include <algorithm>
#include <numeric>

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

template <class T>
void gather_input(const Sequences<T>& x, const std::vector<Index>& rows, Window window, Workspace<T>& workspace) {
  const Model<T>& model = workspace.model();
  const Schedule& schedule = workspace.schedule();
  const Index width = model.input_size;
  T* to = workspace.input();
  for (Index level = 1; level <= schedule.num_levels(); ++level)
    for (Index i = 0; i < schedule.size(level); ++i, to += width) {
      const Index row = rows[std::size_t(i)], step = window.begin + level - 1;
      const T* from = x.data + (x.row(row) * x.time + step) * width;
      check_features(model, from, row, step);
      std::copy_n(from, width, to);
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
bool gather_teacher(const Sequences<T>& x, const Target<T>* target, const std::vector<Index>& rows, Window window,
                    Workspace<T>& workspace) {
  const Model<T>& model = workspace.model();
  if (!x.teacher && !(target && model.decodes())) return false;
  const Schedule& schedule = model.decodes() ? workspace.output_schedule() : workspace.schedule();
  const Index width = model.teacher_size(), time = model.decodes() ? x.target_time : x.time;
  const Index begin = model.decodes() ? 0 : window.begin;
  T* to = workspace.teacher();
  for (Index level = 1; level <= schedule.num_levels(); ++level)
    for (Index i = 0; i < schedule.size(level); ++i, to += width) {
      const Index row = rows[std::size_t(i)], step = begin + level - 1, entry = x.row(row) * time + step;
      if (!x.teacher && model.num_symbols() > 0)
        *to = T(target->classes[entry]);
      else
        std::copy_n((x.teacher ? x.teacher : target->values) + entry * width, width, to);
      check_teacher(model.decodes() ? taught_by(x) : "teacher", model, to, row, step);
    }
  return true;
}

template <class T>
void scatter_output(Workspace<T>& workspace, const Sequences<T>& x, const std::vector<Index>& rows, Window window, T* y) {
  const Index width = workspace.model().output_size;
  const Tape<T>& tape = workspace.last();
  const Schedule& schedule = workspace.output_schedule();
  const OutputGrid<T> grid(workspace.model(), x, window);
  const auto to = [&](Index i, Index step) { return y + (rows[std::size_t(i)] * grid.time() + step) * width; };
  for (Index level = 1; level <= schedule.num_levels(); ++level)
    for (Index i = 0; i < schedule.size(level); ++i)
      std::copy_n(tape.y + (schedule.first_node(level) + i) * tape.y_stride, width, to(i, grid.begin() + level - 1));
  if (workspace.model().pools()) return;
  for (Index i = 0; i < Index(rows.size()); ++i) {
    const Index end = grid.begin() + schedule.length(i);
    std::fill_n(to(i, end), (grid.end() - end) * width, T(0));
  }
}

#define RECURRA_INSTANTIATE(T)                                                                                           \
  template std::vector<std::vector<Index>> split_rows(const Sequences<T>&, int);                                         \
  template std::vector<Index> window_lengths(const Sequences<T>&, const std::vector<Index>&, Window);                    \
  template void gather_input(const Sequences<T>&, const std::vector<Index>&, Window, Workspace<T>&);                     \
  template std::vector<Index> target_order(const Sequences<T>&, const std::vector<Index>&);                              \
  template bool gather_teacher(const Sequences<T>&, const Target<T>*, const std::vector<Index>&, Window, Workspace<T>&); \
  template void scatter_output(Workspace<T>&, const Sequences<T>&, const std::vector<Index>&, Window, T*);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
