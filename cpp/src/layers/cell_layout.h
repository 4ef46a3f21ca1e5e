// Where a cell's gates stand: as blocks in the rows of pre-activations and as row blocks in its parameter matrices.
#pragma once

#include <vector>

#include "layer.h"

namespace recurra {

// A block of adjacent gates: `width` columns from `column` in a row of pre-activations are the rows from `row` of a matrix.
struct GateRun {
  Index column, row, width;
};
// One gate whose R multiplies a message or a new state: block `slot` of that array.
struct GateProduct {
  Index column, row, slot;
};

struct CellLayout {
  CellLayout(const CellInfo& info, Index input_size, Index hidden_size);

  CellInfo info;
  Index input_size, hidden_size;
  Index a_width, da_width, state_width, message_width, feed_width, output_width;
  Index edge_width;  // the edge gates, compact
  std::vector<GateRun> input_runs, feed_runs, bias_runs;
  std::vector<GateProduct> message_gates, state_gates;
  std::vector<int> carried;  // the states that are carried
  std::vector<ParameterSpec> parameters;
  // Offsets into the layer's part of the flat vector; -1 where the cell has no such matrix.
  Index weight_ih = -1, weight_hh = -1, weight_mh = -1, weight_sh = -1, bias = -1, unit = -1;
  Index num_parameters = 0;
};

std::vector<std::string> split_names(const char* names, int count, const char* otherwise);

}  // namespace recurra
