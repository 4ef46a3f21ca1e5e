// Subnormal numbers count as zero while this object lives, on the thread that made it; then the caller's mode is back. Decaying
// traces become subnormal, and arithmetic on those is a hundred times slower.
#pragma once

#include <cstdint>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace recurra {

class FlushToZero {
 public:
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;
#if defined(__SSE__)
  FlushToZero() : mode_(_mm_getcsr()) { _mm_setcsr(mode_ | 0x8040); }  // results and operands
  ~FlushToZero() { _mm_setcsr(mode_); }

 private:
  unsigned mode_;
#elif defined(__aarch64__)
  FlushToZero() : mode_(read()) { write(mode_ | std::uint64_t(1) << 24); }
  ~FlushToZero() { write(mode_); }

 private:
  static std::uint64_t read() {
    std::uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void write(std::uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
  std::uint64_t mode_;
#else
#error "flush to zero is unknown on this processor"
#endif
};

}  // namespace recurra
