// The C++ types behind all_cells(), in the same order, for tests that call a cell's own functions.
#pragma once

#include "cells/all.h"
#include "cells/diagonal_lstm.h"
#include "cells/residual.h"

namespace test {

// Calls visit.template operator()<Cell>() for each.
template <class Visit>
void for_each_cell_type(const Visit& visit) {
  using namespace recurra;
#define RECURRA_VISIT(...) visit.template operator()<__VA_ARGS__>();
  RECURRA_CELLS(RECURRA_VISIT)
  RECURRA_VISIT(DiagonalLstm)
  RECURRA_VISIT(Residual)
#undef RECURRA_VISIT
}

}  // namespace test
