// Bounds the memory of one call: operator new counts, and ends the program where the limit is passed.
#pragma once

#include <cstddef>

namespace fuzz {

class MemoryLimit {
 public:
  // From here on, at most so many bytes more may be alive at once. One limit at a time, in one thread.
  explicit MemoryLimit(std::size_t bytes);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  std::size_t peak() const;       // the most bytes alive at once since then
  std::ptrdiff_t leaked() const;  // the bytes alive now that were not then
};

}  // namespace fuzz
