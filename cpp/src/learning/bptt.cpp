#include "bptt.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

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

namespace {

std::string position(Index row, Index step, bool pools) {
  return "(batch " + std::to_string(row) + (pools ? "" : ", time " + std::to_string(step)) + ")";
}

template <class T>
void check_values(const T* values, Index width, Index row, Index step, bool pools) {
  for (Index j = 0; j < width; ++j)
    if (!std::isfinite(values[j]))
      throw std::invalid_argument("target has the non-finite value " + std::to_string(values[j]) + " at " +
                                  position(row, step, pools) + ", expected finite values");
}

void check_class(std::int64_t id, Index width, Index row, Index step, bool pools) {
  if (id < 0 || id >= width)
    throw std::invalid_argument("target has the class id " + std::to_string(id) + " at " + position(row, step, pools) +
                                ", expected 0 .. " + std::to_string(width - 1));
}

}  // namespace

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
      if (loss == Loss::mse) {
        const T* values = target.values + entry * width;
        check_values(values, width, row, step, pools);
        sum += mse_row(y, values, width, scale / double(width), dy);
      } else {
        check_class(target.classes[entry], width, row, step, pools);
        sum += cross_entropy_row(y, target.classes[entry], width, scale, dy);
      }
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
