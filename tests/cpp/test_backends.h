// Every backend this machine can run, side by side in one program, with the tests' own cells compiled for each.
#pragma once

#include <list>
#include <vector>

#include "backends/backend.h"

struct TestBackend {
  recurra::Backend backend;
  std::vector<recurra::CellTable> cells;  // in the order of all_cells()
  recurra::RowProducts<float> plain;      // of rows, without instructions that only some machines of the set have
};

// The first one is baseline.
const std::list<TestBackend>& all_backends();
