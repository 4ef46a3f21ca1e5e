// Which parameters can influence which states: the rows of J that belong to one layer, and their columns.
#pragma once

#include <vector>

#include "../network/model.h"

namespace recurra {

struct InfluenceRows {
  Index first, last;             // elements of the state
  std::size_t learning, layers;  // the layers whose parameters count: learning .. layers - 1, this one and those below
  Index offset, columns;         // their parameters
  Index stride;                  // how far rows lie apart
  Index padded;                  // rows in memory: those that walks with `seeds` cotangents at a time write to
};

template <class T>
std::vector<InfluenceRows> influence_rows(const Model<T>& model, Index seeds, std::size_t learning = 0);

}  // namespace recurra
