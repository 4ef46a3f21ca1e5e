// Memory as a benchmark wants it: aligned, and in large pages where the system has them, so that it sets the mark.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

namespace benchmark {

struct Free {
  void operator()(float* memory) const { std::free(memory); }
};
using Pages = std::unique_ptr<float[], Free>;

// So many floats, touched.
inline Pages pages(std::size_t count) {
  constexpr std::size_t large = std::size_t(1) << 21, line = 64;
  const std::size_t bytes = count * sizeof(float), alignment = bytes >= large ? large : line;
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  float* memory = static_cast<float*>(std::aligned_alloc(alignment, whole));
  if (!memory) throw std::bad_alloc();
  if (bytes >= large) (void)madvise(memory, whole, MADV_HUGEPAGE);
  std::fill_n(memory, count, 1.0f);
  return Pages(memory);
}

}  // namespace benchmark
