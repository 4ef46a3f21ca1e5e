// What a layer adds to its cell: stages (layer normalisation, zoneout, variational dropout, projection), a learned initial
// state, a block-diagonal R, constants. A stage is no part of a cell's mathematics; the layer applies it to any cell that
// admits it.
#pragma once

#include <string>
#include <vector>

#include "../backends/backend.h"
#include "recurra/layer_spec.h"

namespace recurra {

// What a node reads from: the step before, or its children (in a tree from the top: its parent), summed or by slot.
enum class Parents { one, summed, by_slot };

struct CellOptions {
  Index input_size = 0, hidden_size = 0;
  Parents parents = Parents::one;
  Index arity = 1;        // slots of a node
  bool bilinear = false;  // products of what is fed join the pre-activations (cell_bilinear.cpp)
  bool layer_norm = false, learned_initial_state = false;
  double recurrent_dropout = 0;
  std::vector<double> zoneout;  // by state
  Index projection = 0;         // 0: none
  Index heads = 1;              // blocks of a block-diagonal R
  Index output_size = 0;        // 0: all outputs; else the first ones only
  std::vector<double> constants;

  bool zones_out() const {
    for (const double probability : zoneout)
      if (probability > 0) return true;
    return false;
  }
};

// The name a description's cell is registered by: its type and the options that choose a variant, "GRU(reset=after)".
std::string cell_variant(const LayerSpec& spec);

// The options of a description, checked against what the cell admits. Throws std::invalid_argument with a message that
// begins with `where`.
CellOptions cell_options(const LayerSpec& spec, const CellInfo& info, const std::string& where);

}  // namespace recurra
