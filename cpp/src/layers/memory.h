// What attention looks at: the outputs of an encoder, sequence by sequence.
#pragma once

#include <vector>

#include "bytes.h"
#include "packed_matrix.h"

namespace recurra {

template <class T>
struct Memory {
  Index width = 0;
  std::vector<Index> first, length;  // by sequence of the encoder: its first row, and how many it has
  std::vector<Index> source;         // by sequence of the reader: the encoder's
  AlignedVector<T> rows, drows;      // [all steps of all sequences][width]
  std::uint64_t version = 0;         // another number for other rows: what readers prepare is then of no use
  std::size_t bytes() const { return bytes_of(first, length, source, rows, drows); }
  Index num_rows() const { return first.empty() ? 0 : first.back() + length.back(); }
};

}  // namespace recurra
