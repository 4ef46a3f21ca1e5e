// The compile-time side of the instruction sets: the namespace that every kernel symbol carries, and the register width.
#pragma once

#include <cstddef>

// One of baseline, avx2, avx512 (set by the build for each kernel object) or, for a .cu file, cuda.
#ifndef RECURRA_ISA
#ifdef __CUDACC__
#define RECURRA_ISA cuda
#else
#define RECURRA_ISA baseline
#endif
#endif

#ifdef __CUDACC__
#define RECURRA_HD __host__ __device__
#define RECURRA_INLINE __host__ __device__ __forceinline__
#else
#ifdef __SANITIZE_ADDRESS__
#define RECURRA_INLINE inline  // functions that melt together compile for many minutes under the sanitizers
#else
#define RECURRA_INLINE inline __attribute__((always_inline))
#endif
#define RECURRA_HD RECURRA_INLINE  // a cell's functions melt into the kernels; by itself the compiler calls the larger ones
#endif

namespace recurra {
using Index = std::ptrdiff_t;

inline namespace RECURRA_ISA {
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif
}  // namespace RECURRA_ISA
}  // namespace recurra
