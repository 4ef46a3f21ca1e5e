#include "test_backends.h"

#include <algorithm>

#include "recurra/isa.h"

namespace recurra {

#define RECURRA_DECLARE                \
  void fill(Backend&);                 \
  void fill_diagonal_lstm(CellTable&); \
  void fill_residual(CellTable&);      \
  void use_plain_bytes(RowProducts<float>&);
#ifdef RECURRA_HAS_AVX2
namespace avx2 {
RECURRA_DECLARE
}
#endif
#ifdef RECURRA_HAS_AVX512
namespace avx512 {
RECURRA_DECLARE
}
#endif
inline namespace baseline {
RECURRA_DECLARE
}

}  // namespace recurra

namespace {

using Fill = void (*)(recurra::CellTable&);

void add(std::list<TestBackend>& list, const char* name, void (*fill)(recurra::Backend&), std::initializer_list<Fill> cells,
         void (*use_plain_bytes)(recurra::RowProducts<float>&)) {
  const auto available = recurra::available_isas();
  if (std::find(available.begin(), available.end(), name) == available.end()) return;
  TestBackend& added = list.emplace_back();
  fill(added.backend);
  added.cells.assign(added.backend.cells, added.backend.cells + added.backend.num_cells);
  for (const Fill fill_cell : cells) fill_cell(added.cells.emplace_back());
  use_plain_bytes(added.plain = added.backend.float32.row_products);
}

}  // namespace

const std::list<TestBackend>& all_backends() {
  static const std::list<TestBackend> list = [] {
    std::list<TestBackend> made;
#define RECURRA_ADD(isa)                                                                               \
  add(made, #isa, recurra::isa::fill, {recurra::isa::fill_diagonal_lstm, recurra::isa::fill_residual}, \
      recurra::isa::use_plain_bytes);
    RECURRA_ADD(baseline)
#ifdef RECURRA_HAS_AVX2
    RECURRA_ADD(avx2)
#endif
#ifdef RECURRA_HAS_AVX512
    RECURRA_ADD(avx512)
#endif
#undef RECURRA_ADD
    return made;
  }();
  return list;
}
