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

recurra::LayerSpec cell_layer(const std::string& cell, std::int64_t input_size, std::int64_t hidden_size) {
  // A name may hold an option: "GRU(reset=after)".
  const std::size_t open = cell.find('('), equals = cell.find('=');
  recurra::LayerSpec spec = recurra::layers::cell(cell.substr(0, open), input_size, hidden_size);
  if (open != std::string::npos)
    spec.options[cell.substr(open + 1, equals - open - 1)] = cell.substr(equals + 1, cell.size() - equals - 2);
  return spec;
}
