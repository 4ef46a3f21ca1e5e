// What the units of a cell layer do to themselves in one step, and which parameters belong to which unit: what the local rules
// are made of.
#pragma once

#include <string>

#include "../layers/cell_layer.h"

namespace recurra {

// Parameters of adjacent units, as many for each: they multiply `columns` elements of a source.
struct UnitParameters {
  enum class Source { input, feed, state, one };  // state: the new ones, which no carried state reads
  Index offset, rows, columns;                    // in the layer's part of the flat vector
  Index unit;                                     // of the first row
  // Of the first row, among the cotangents of gates and unit parameters; behind those, the learned initial states.
  Index column;
  Source source;
  Index from = 0;      // the source's first element
  Index initial = -1;  // of which carried state they are the initial one
};
// All of a cell layer's parameters. The layer has no stages that have parameters.
std::vector<UnitParameters> unit_parameters(const CellLayout& layout);

// Why a unit's states do not depend on its own parameters alone through the products of a step; empty: they do.
std::string unit_obstacle(const CellLayout& layout);
// Whether nothing but the unit itself reads its carried states.
bool is_diagonal(const CellLayout& layout);

// By a VJP with one seed for each carried state, of all units at once. No allocation.
template <class T>
class UnitDerivatives {
 public:
  explicit UnitDerivatives(const CellLayer<T>& layer);
  // Of the step at level 1 of a tape with one row.
  void differentiate(const Weights<T>&, Tape<T>&);

  Index states() const { return states_; }  // carried ones
  Index units() const { return units_; }
  // [states][states][units]: how a state (first index) depends on the unit's own ones before, past all products.
  T* keep() { return keep_.data(); }
  // [states][gates and unit parameters][units]
  const T* enter() const { return a_.data(); }
  Index enter_stride() const { return layer_.layout().da_width; }
  // For cotangents of all states of the step, as the sweep back left them in the tape: those of the carried states before, past
  // all products, [states][units].
  void carry_back(const Weights<T>&, Tape<T>&, T* to);

 private:
  CellCotangents<T> cotangents(Index seeds);
  const CellLayer<T>& layer_;
  Index states_, units_;
  std::vector<T> state_, a_, parent_, keep_, back_a_;
};

}  // namespace recurra
