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

// Large matrices go by in pieces. A sweep's steps write rows that lie behind one another, and every second step takes the pieces
// from the last to the first: what the second-level cache kept of the step before is then read before it is driven out.
template <class T, class Task>
void in_pieces(Index depth, Index begin, Index end, Index rows, const T* c, Index c_stride, const Task& task) {
  constexpr Index large = 1 << 20, piece = 1 << 18;         // bytes
  const Index unit = (rows == 1 ? 6 : 3) * 64 / sizeof(T);  // columns: whole tiles
  const Index column = depth * Index(sizeof(T));
  if ((end - begin) * column < large) return task(begin, end);
  const Index width = std::max(piece / column / unit, Index(1)) * unit, count = (end - begin + width - 1) / width;
  const bool turned = reinterpret_cast<std::uintptr_t>(c) / sizeof(T) / std::size_t(std::max<Index>(rows * c_stride, 1)) % 2;
  for (Index i = 0; i < count; ++i) {
    const Index first = begin + (turned ? count - 1 - i : i) * width;
    task(first, std::min(first + width, end));
  }
}

}  // namespace

template <class T>
void PackedMatrix<T>::product(const Products<T>& products, const T* a, Index a_stride, Index rows, const T* base,
                              Index base_stride, T* c, Index c_stride) const {
  const auto columns = [&](Index begin, Index end) {  // a panel's number of columns divides a cache line's
    in_pieces(depth_, begin, end, rows, c, c_stride, [&](Index first, Index last) {
      products.multiply(a, a_stride, rows, data_.data() + first * depth_, depth_, last - first, base ? base + first : nullptr,
                        base_stride, c + first, c_stride);
    });
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
