#include "packed_matrix.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "row_team.h"

namespace recurra {

namespace {

// Multiply-adds of a product that a team shares: some microseconds, several times what it costs to call the others.
constexpr double least_shared_work = 6e4;

RowTeam* team_for(Index rows, Index depth, Index width) {
  RowTeam* team = RowTeam::of_this_thread();
  return team && double(rows) * double(depth) * double(width) >= least_shared_work ? team : nullptr;
}

// Runs task(part, begin, end) on ranges of 0 .. count, in multiples of `unit`, one for each of the team. Sums do not depend on
// where they are cut.
template <class Task>
void run_ranges(RowTeam& team, Index count, Index unit, const Task& task) {
  const Index units = (count + unit - 1) / unit;
  team.run([&](Index part) {
    const Index begin = units * part / team.size() * unit, end = std::min(count, units * (part + 1) / team.size() * unit);
    if (begin < end) task(part, begin, end);
  });
}

// A sweep's steps write rows that lie behind one another. A large matrix is read from its last column to its first at every
// second of them: what the second-level cache kept of the step before is then read before it is driven out.
template <class T>
Reading reading(Index bytes, Index rows, const T* c, Index c_stride) {
  if (bytes < Index(1) << 20) return Reading::near;
  const std::size_t step = sizeof(T) * std::size_t(std::max<Index>(rows * c_stride, 1));
  return reinterpret_cast<std::uintptr_t>(c) / step % 2 ? Reading::backwards : Reading::forwards;
}

}  // namespace

template <class T>
void PackedMatrix<T>::product(const Products<T>& products, const T* a, Index a_stride, Index rows, const T* base,
                              Index base_stride, T* c, Index c_stride) const {
  const auto columns = [&](Index begin, Index end) {  // a panel's number of columns divides a cache line's
    products.multiply(a, a_stride, rows, data_.data() + begin * depth_, depth_, end - begin, base ? base + begin : nullptr,
                      base_stride, c + begin, c_stride, reading((end - begin) * depth_ * Index(sizeof(T)), rows, c, c_stride));
  };
  if (RowTeam* team = team_for(rows, depth_, width_))
    run_ranges(*team, width_, Index(64 / sizeof(T)), [&](Index, Index begin, Index end) { columns(begin, end); });
  else if (rows > 0)
    columns(0, width_);
}

template <class T>
void add_outer(const Products<T>& products, const T* a, Index a_stride, const T* b, Index b_stride, Index rows, Index m, Index n,
               T* c, Index c_stride, T* scratch) {
  RowTeam* team = team_for(rows, m, n);
  if (!team) return products.outer(a, a_stride, b, b_stride, rows, m, n, c, c_stride, scratch);
  thread_local std::vector<std::vector<T>> rooms;  // the caller's, by part
  rooms.resize(std::max(rooms.size(), std::size_t(team->size())));
  for (std::vector<T>& room : rooms)
    room.resize(std::max(room.size(), std::size_t(products.outer_scratch(m / team->size() + 8, n))));
  std::vector<std::vector<T>>& scratches = rooms;  // a helper has others by the name of `rooms`
  run_ranges(*team, m, 8, [&](Index part, Index begin, Index end) {
    T* own = scratches[std::size_t(part)].data();
    products.outer(a + begin, a_stride, b, b_stride, rows, end - begin, n, c + begin * c_stride, c_stride, own);
  });
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;
#define RECURRA_INSTANTIATE(T) \
  template void add_outer(const Products<T>&, const T*, Index, const T*, Index, Index, Index, Index, T*, Index, T*);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
