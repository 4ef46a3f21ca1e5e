#include "test_cells.h"

#include <recurra_cells/diagonal_lstm.h>
#include <recurra_cells/gru_before.h>
#include <recurra_cells/peephole_lstm.h>
#include <recurra_cells/residual.h>

#include "recurra/cell_registry.h"

void register_test_cells() {
  recurra::register_gru_before();
  recurra::register_peephole_lstm();
  recurra::register_diagonal_lstm();
  recurra::register_residual();
}

std::vector<std::string> all_cells() { return recurra::cell_names(); }
