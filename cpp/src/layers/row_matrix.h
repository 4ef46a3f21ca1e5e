// Matrices as the product of one row reads them: y = start + x W + source R, all columns in one pass over the weights.
#pragma once

#include <cstddef>

#include "aligned_vector.h"
#include "layer.h"

namespace recurra {

// Columns that see the same: column `column + i` sees row i of W (null: none) times x, and row i of R (null: none) times
// source[source .. source + depth).
template <class T>
struct RowBlock {
  Index column, width;
  const T* input = nullptr;
  Index inputs = 0;
  const T* recurrent = nullptr;
  Index source = 0, depth = 0;
};

// Of a matrix that a team shares; below, waking the others costs more than they save.
inline constexpr Index least_shared_bytes = Index(200) << 10;

template <class T>
class RowMatrix {
 public:
  // The blocks cover columns in ascending order, side by side or not. Throws std::logic_error if they do not.
  void pack(const RowProducts<T>& products, const RowUse& use, const std::vector<RowBlock<T>>& blocks);
  // Without x (null), its part is left out. start and y, which have all columns, may be the same. One caller at a time.
  void multiply(const T* x, const T* source, const T* start, T* y) const;
  std::size_t bytes() const { return bytes_of(strips_, turned_, weights_, input_scale_, source_scale_, parts_); }

 private:
  Index cut(const RowProducts<T>& products, const std::vector<RowBlock<T>>& blocks);
  void share(Index size);

  RowFormat<T> format_{};
  std::vector<RowStrip> strips_, turned_;  // the same from the last to the first,
  mutable bool turn_ = false;              // every second time: what the cache still has is then read before it is driven out
  AlignedVector<std::byte> weights_;       // elements of the format
  std::vector<T> input_scale_, source_scale_;
  RowTeam* team_ = nullptr;
  std::vector<Index> parts_;  // of the team: where in the strips each one's begin, and the end
};

}  // namespace recurra
