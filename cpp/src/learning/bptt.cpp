#include "bptt.h"

#include <algorithm>

#include "checks.h"
#include "loss.h"

namespace recurra {

template <class T>
Index count_valid(const Model<T>& model, const Sequences<T>& x, Window window) {
  Index count = 0;
  for (Index row = 0; row < x.batch; ++row) {
    const Index length = std::clamp(x.length(row) - window.begin, Index(0), window.end - window.begin);
    count += model.pools() ? length > 0 : length;
  }
  return count;
}

template <class T>
double shard_loss(Workspace<T>& workspace, const Sequences<T>& x, const std::vector<Index>& rows, Window window,
                  const Target<T>& target, Loss loss, double scale, bool backward) {
  const Schedule& schedule = workspace.output_schedule();
  const Tape<T>& tape = workspace.last();
  const Index width = workspace.model().output_size;
  const bool pools = workspace.model().pools();
  double sum = 0;
  for (Index level = 1; level <= schedule.num_levels(); ++level)
    for (Index i = 0; i < schedule.size(level); ++i) {
      if (pools && workspace.schedule().length(i) == 0) continue;
      const Index node = schedule.first_node(level) + i, row = rows[std::size_t(i)], step = window.begin + level - 1;
      const Index entry = pools ? x.row(row) : x.row(row) * x.time + step;
      const T* y = tape.y + node * tape.y_stride;
      T* dy = backward ? tape.dy + node * tape.dy_stride : nullptr;
      check_target(workspace.model(), target, loss, entry, row, step);
      sum += loss == Loss::mse ? mse_row(y, target.values + entry * width, width, scale / double(width), dy)
                               : cross_entropy_row(y, target.classes[entry], width, scale, dy);
    }
  return sum;
}

#define RECURRA_INSTANTIATE(T)                                                                                            \
  template Index count_valid(const Model<T>&, const Sequences<T>&, Window);                                               \
  template double shard_loss(Workspace<T>&, const Sequences<T>&, const std::vector<Index>&, Window, const Target<T>&, Loss, \
                             double, bool);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
