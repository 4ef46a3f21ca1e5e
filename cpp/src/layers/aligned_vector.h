// Vectors that start on a cache line, so that a register-wide load never crosses one; large ones on large pages, where the
// system has them: a matrix that is read from end to end then costs fewer misses of the address cache.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace recurra {

void* allocate_aligned(std::size_t bytes);
void free_aligned(void* p, std::size_t bytes);

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(allocate_aligned(count * sizeof(T))); }
  void deallocate(T* p, std::size_t count) { free_aligned(p, count * sizeof(T)); }
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
};
template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

// How far rows of so many columns lie apart: rows start on cache lines, but not at the same place of a page, or they would fall
// into the same few lines of the cache.
template <class T>
std::ptrdiff_t padded_stride(std::ptrdiff_t columns) {
  constexpr std::ptrdiff_t line = 64 / sizeof(T), page = 4096 / sizeof(T);
  const std::ptrdiff_t stride = (columns + line - 1) / line * line;
  return stride % page < line ? stride + line : stride;
}

}  // namespace recurra
