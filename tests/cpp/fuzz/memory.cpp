#include "memory.h"

#include <malloc.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

constinit thread_local std::ptrdiff_t alive = 0, most = 0, limit = PTRDIFF_MAX;

// Before the system is asked, which may well grant an absurd wish as long as nobody touches the memory.
void ask(std::size_t bytes) {
  if (bytes <= static_cast<std::size_t>(PTRDIFF_MAX) && static_cast<std::ptrdiff_t>(bytes) <= limit - alive) return;
  std::fprintf(stderr, "memory: asked for %zu bytes with %td alive, the limit is %td\n", bytes, alive, limit);
  std::abort();
}

void* note(void* memory) {
  alive += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  if (alive > most) most = alive;
  return memory;
}

void* allocate(std::size_t bytes) {
  ask(bytes);
  void* const memory = std::malloc(bytes > 0 ? bytes : 1);
  return memory ? note(memory) : nullptr;
}

void* allocate(std::size_t bytes, std::align_val_t alignment) {
  ask(bytes);
  void* memory = nullptr;
  if (::posix_memalign(&memory, static_cast<std::size_t>(alignment), bytes > 0 ? bytes : 1) != 0) return nullptr;
  return note(memory);
}

void* granted(void* memory) {
  if (!memory) throw std::bad_alloc();
  return memory;
}

void release(void* memory) noexcept {
  if (!memory) return;
  alive -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// All of them: a sanitizer's own would not come here for the ones left out.
void* operator new(std::size_t n) { return granted(allocate(n)); }
void* operator new[](std::size_t n) { return granted(allocate(n)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return allocate(n); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return allocate(n); }
void* operator new(std::size_t n, std::align_val_t a) { return granted(allocate(n, a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return granted(allocate(n, a)); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return allocate(n, a); }
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return allocate(n, a); }
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { release(p); }

namespace fuzz {

namespace {
std::ptrdiff_t begin = 0;
}

MemoryLimit::MemoryLimit(std::size_t bytes) {
  begin = most = alive;
  limit = alive + static_cast<std::ptrdiff_t>(bytes);
}
MemoryLimit::~MemoryLimit() { limit = PTRDIFF_MAX; }
std::size_t MemoryLimit::peak() const { return static_cast<std::size_t>(most - begin); }
std::ptrdiff_t MemoryLimit::leaked() const { return alive - begin; }

}  // namespace fuzz
