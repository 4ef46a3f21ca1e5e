// Summary: a network in numbers, layer by layer.
#pragma once

#include <string>
#include <vector>

#include "recurra/network.h"
#include "recurra/work.h"

namespace recurra {

struct LayerSummary {
  std::string name;         // "0", "0.reverse": the names of its parameters begin with it and a dot
  std::string description;  // "LSTM(hidden_size=32, input_size=1)", without the layers inside; empty: a part that none describes
  int depth;                // 0, and one more for each layer around it that has a row
  Index input_size, output_size;
  // Parameters, those of the layers inside included: what learns, what rests, and what is a copy of another one.
  Index trained, frozen, copies;
  Index state;  // numbers per sequence that are carried from step to step
  Work work;    // in units of the network: a layer inside a GraphNet counts all its rounds
};

struct Summary {
  std::vector<LayerSummary> layers;  // each before the layers inside it
  Index trained = 0, frozen = 0, copies = 0, state = 0;
  Work work;
};

template <class T>
Summary summary(const BasicNetwork<T>& network);

}  // namespace recurra
