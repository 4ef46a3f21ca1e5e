// Picks the table at start-up. This file is compiled without -m flags, so that it runs everywhere.
#include "select.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "recurra/isa.h"

namespace recurra {

#define RECURRA_DECLARE(isa) \
  namespace isa {            \
  void fill(Backend&);       \
  }
#ifdef RECURRA_HAS_AVX2
RECURRA_DECLARE(avx2)
#endif
#ifdef RECURRA_HAS_AVX512
RECURRA_DECLARE(avx512)
#endif
inline namespace baseline {
void fill(Backend&);
}

namespace {

struct Candidate {
  const char* name;
  bool supported;
  void (*fill)(Backend&);
};

// From the plainest to the widest.
std::vector<Candidate> candidates() {
  std::vector<Candidate> list{{"baseline", true, baseline::fill}};
#ifdef RECURRA_HAS_AVX2
  list.push_back({"avx2",
                  __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe") &&
                      __builtin_cpu_supports("f16c"),
                  avx2::fill});
#endif
#ifdef RECURRA_HAS_AVX512
  list.push_back({"avx512",
                  list.back().supported && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl"),
                  avx512::fill});
#endif
  return list;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Backend choose() {
  const std::vector<Candidate> list = candidates();
  const char* wanted = std::getenv("RECURRA_ISA");
  const Candidate* chosen = nullptr;
  for (const Candidate& candidate : list)
    if (candidate.supported && (!wanted || !*wanted || std::string(wanted) == candidate.name)) chosen = &candidate;
  if (!chosen)
    throw std::runtime_error("isa: RECURRA_ISA is '" + std::string(wanted) + "', expected one of " + joined(available_isas()));
  Backend backend{}, narrower{};
  chosen->fill(backend);
  if (std::string(chosen->name) != "avx512" || (chosen - 1)->name != std::string("avx2")) return backend;
  (chosen - 1)->fill(narrower);
  for (int i = 0; i < backend.num_cells; ++i) add_narrow_steps(backend.cells[i], narrower.cells[i]);
  return backend;
}

}  // namespace

void add_narrow_steps(CellTable& table, const CellTable& narrower) {
  table.float32.narrow_step = narrower.float32.step;
  table.float64.narrow_step = narrower.float64.step;
}

const Backend& backend() {
  static const Backend chosen = choose();  // an exception leaves it unset: the next call throws again
  return chosen;
}

std::string isa() { return backend().name; }

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates())
    if (candidate.supported) names.push_back(candidate.name);
  return names;
}

}  // namespace recurra
