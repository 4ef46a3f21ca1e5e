// Where a cell's gates stand: as blocks in the rows of pre-activations and as row blocks in its parameter matrices.
#pragma once

#include <vector>

#include "cell_options.h"
#include "layer.h"

namespace recurra {

// A block of adjacent gates: `width` columns from `column` in a row of pre-activations are the rows from `row` of a matrix.
struct GateRun {
  Index column, row, width;
};

// One product: those columns += those rows of the matrix times `depth` numbers of the source, from `source` on.
struct GateProduct {
  Index column, row, width, source, depth;
};

// The weights of all gates that multiply one kind of source.
struct GateMatrix {
  std::vector<GateProduct> products;
  std::vector<GateRun> runs;
  Index rows = 0, columns = 0, offset = -1;  // [rows][columns] at `offset` of the layer's part of the flat vector
  Index gain = -1;                           // [rows], with layer normalisation
};

// A state that is normalised between node and out.
struct NormalizedState {
  int state;
  Index gain, shift;  // [units]
};

// A state that is carried from step to step.
struct CarriedState {
  int state;
  Index width;         // the units, or the projection's size
  Index initial = -1;  // where it is learned
};

struct CellLayout {
  CellLayout(const CellInfo& info, CellOptions options);

  CellInfo info;
  CellOptions options;
  Index input_size, hidden_size;
  Index a_width, da_width, state_width, message_width, feed_width, output_width;
  Index edge_width;  // the edge gates, compact
  GateMatrix input, feed, message, state;
  // Over trees, the parts of `feed` for the node (and out) gates, which read a node's source, and for the edge gates, side by
  // side, which read a child's fed states, or the source, for each slot.
  GateMatrix node_feed, edge_feed;
  Index source_width;     // what a node's children feed: summed, or side by side
  Index edge_feed_width;  // what edge gates get by it
  std::vector<GateRun> bias_runs;
  std::vector<NormalizedState> normalized;
  std::vector<int> zoned;  // the states that zoneout may hold back
  std::vector<CarriedState> carried;
  Index carried_width = 0;
  std::vector<ParameterSpec> parameters;
  Index bias = -1, unit = -1, projection = -1;  // offsets as above
  Index tensor = -1;                            // [columns of node_feed][source width][source width]
  Index num_unit_params;                        // without the constants
  Index num_parameters = 0;

  bool runs_over_trees() const { return options.parents != Parents::one; }
  bool projects() const { return options.projection > 0; }
  // Whether new states need a place of their own before they become the states.
  bool has_raw_states() const { return !zoned.empty(); }
  // Whether nothing but a cell's own functions stands between a step and the next.
  bool only_units_recur() const {
    return !runs_over_trees() && feed.products.empty() && message.products.empty() && !has_raw_states() && !projects() &&
           !normalizes_states() && (info.carried & info.written_by_out) == 0;
  }
  // Whether out sees other states than node wrote.
  bool normalizes_states() const { return !normalized.empty(); }
};

std::vector<std::string> split_names(const char* names, int count, const char* otherwise);

}  // namespace recurra
