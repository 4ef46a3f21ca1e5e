// What is compiled once per instruction set, and the choice among them.
#pragma once

#include <stdexcept>
#include <string>

#include "reference.h"

namespace recurra {
#define RECURRA_DECLARE(isa)                                                                    \
  namespace isa {                                                                               \
  double multiply_adds(long rounds, float* sink);                                               \
  float read_all(const float* data, long count, long passes);                                   \
  int references(const char* cell, int inputs, int units, Reference (&found)[most_references]); \
  }
RECURRA_DECLARE(baseline)
RECURRA_DECLARE(avx2)
RECURRA_DECLARE(avx512)
}  // namespace recurra

namespace benchmark {

struct Kernels {
  double (*multiply_adds)(long rounds, float* sink);
  float (*read_all)(const float* data, long count, long passes);
  int (*references)(const char* cell, int inputs, int units, recurra::Reference (&found)[recurra::most_references]);
};

inline Kernels kernels_of(const std::string& isa) {
#ifdef RECURRA_HAS_AVX512
  if (isa == "avx512") return {recurra::avx512::multiply_adds, recurra::avx512::read_all, recurra::avx512::references};
#endif
#ifdef RECURRA_HAS_AVX2
  if (isa == "avx2") return {recurra::avx2::multiply_adds, recurra::avx2::read_all, recurra::avx2::references};
#endif
  if (isa == "baseline") return {recurra::baseline::multiply_adds, recurra::baseline::read_all, recurra::baseline::references};
  throw std::runtime_error("no benchmarks were compiled for " + isa);
}

}  // namespace benchmark
