#include "aligned_vector.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace recurra {

namespace {

constexpr std::size_t large_page = std::size_t(2) << 20;

std::align_val_t alignment(std::size_t bytes) { return std::align_val_t(bytes >= large_page ? large_page : 64); }

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  void* p = ::operator new(bytes, alignment(bytes));
#if defined(__linux__)
  if (bytes >= large_page) madvise(p, bytes / large_page * large_page, MADV_HUGEPAGE);  // a hint: it may be ignored
#endif
  return p;
}

void free_aligned(void* p, std::size_t bytes) { ::operator delete(p, alignment(bytes)); }

}  // namespace recurra
