// Counts the memory this thread asks for, where the test program can stand between the library and malloc.
#pragma once

#include <cstddef>

// Sanitizers bring a malloc of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RECURRA_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define RECURRA_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef RECURRA_COUNTS_ALLOCATIONS
#ifdef __linux__
#include <features.h>
#endif
#ifdef __GLIBC__
#define RECURRA_COUNTS_ALLOCATIONS 1
#else
#define RECURRA_COUNTS_ALLOCATIONS 0
#endif
#endif

namespace test {

// Since it was made, in the thread that made it; always 0 where counting is impossible. One at a time.
class Allocations {
 public:
  Allocations();
  std::size_t count() const;    // calls of malloc and its kin (operator new is one), and of mmap
  std::size_t largest() const;  // the most bytes in one call
  std::size_t bytes() const;    // of all calls together
};

}  // namespace test
