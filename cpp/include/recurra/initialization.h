// How the parameters of a network are drawn, by name.
#pragma once

#include <optional>

#include "recurra/network.h"

namespace recurra {

// Weights are drawn gate by gate: a gate's matrix has `rows` units and `columns` inputs.
//   uniform     +-1/sqrt(units), of a Linear +-1/sqrt(inputs)
//   glorot      +-sqrt(6 / (rows + columns))   (X. Glorot, Y. Bengio, AISTATS 2010)
//   orthogonal  orthonormal rows or columns    (A. M. Saxe et al., ICLR 2014)
//   identity    the unit matrix; with relu, zero biases and an Elman cell this is the IRNN (Q. V. Le et al., 2015)
// Gains begin with 1, shifts and learned initial states with 0. A cell may draw its per-unit parameters itself (IndRNN, LRU).
struct Initialization {
  std::string input = "uniform";      // what x is multiplied by, also in Linear: uniform, glorot, orthogonal
  std::string recurrent = "uniform";  // what states are multiplied by: those, or identity
  double recurrent_scale = 1;         // times this
  std::string bias = "uniform";       // uniform, zeros
  std::optional<double>
      forget_bias{};  // of the gate that keeps a memory, in cells that have one (R. Jozefowicz et al., ICML 2015)
};

// Draws all parameters anew: the same seed gives the same bits. Throws std::invalid_argument for an unknown name.
template <class T>
void initialize(BasicNetwork<T>& network, std::uint64_t seed, const Initialization& init = {});

}  // namespace recurra
