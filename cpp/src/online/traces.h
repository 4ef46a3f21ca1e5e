// A cell layer learned by traces: for each carried state of a unit and each parameter of the same unit, how the state would be,
// had the parameter been a little different. What units do to each other is left out (SnAp-1), or that and what a unit does to
// itself through R (e-prop). Where units are fed nothing, nothing is left out.
//
// A step's gradient is that of the step alone, plus the cotangents of the unit's states before it times their traces.
#pragma once

#include "layer_learner.h"
#include "unit_derivatives.h"

namespace recurra {

struct TraceOptions {
  bool recurrent;  // what a unit does to itself through R counts
  double leak, guard;
};

template <class T>
class TraceLearner final : public LayerLearner<T> {
 public:
  TraceLearner(const CellLayer<T>& layer, const TraceOptions& options);

  void reset() override;
  bool step(const LayerStep<T>&, T* gradient) override;
  void forget() override;
  bool influence(Index offset, Index size, T* to) override;
  void save(OnlineFile<T>& file, const std::string& prefix) const override;
  void load(const OnlineFile<T>& file, const std::string& prefix) override;

  // The numbers it keeps.
  static Index size(const CellLayout& layout);

 private:
  void add_recurrent(const LayerStep<T>&, const T* da);

  const CellLayer<T>& layer_;
  TraceOptions options_;
  UnitDerivatives<T> units_;
  std::vector<UnitParameters> parameters_;
  Index stride_;
  AlignedVector<T> traces_;  // [states][parameters]
  std::vector<T> carried_;   // [states][units]: cotangents of the states before
};

}  // namespace recurra
