#include "allocations.h"

#if RECURRA_COUNTS_ALLOCATIONS
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>

namespace {
constinit thread_local std::size_t calls = 0, most = 0, sum = 0;

void note(std::size_t bytes) {
  ++calls;
  sum += bytes;
  if (bytes > most) most = bytes;
}
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept {
  note(bytes);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  note(count * bytes);
  return __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) noexcept {
  note(bytes);
  return __libc_realloc(old, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  note(bytes);
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return memalign(alignment, bytes); }
int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) noexcept {
  *result = memalign(alignment, bytes);
  return *result ? 0 : ENOMEM;
}
void* mmap(void* address, std::size_t bytes, int protection, int flags, int file, off_t offset) noexcept {
  note(bytes);
  return reinterpret_cast<void*>(::syscall(SYS_mmap, address, bytes, protection, flags, file, offset));
}
}

namespace test {
Allocations::Allocations() { calls = most = sum = 0; }
std::size_t Allocations::count() const { return calls; }
std::size_t Allocations::largest() const { return most; }
std::size_t Allocations::bytes() const { return sum; }
}  // namespace test

#else

namespace test {
Allocations::Allocations() {}
std::size_t Allocations::count() const { return 0; }
std::size_t Allocations::largest() const { return 0; }
std::size_t Allocations::bytes() const { return 0; }
}  // namespace test

#endif
