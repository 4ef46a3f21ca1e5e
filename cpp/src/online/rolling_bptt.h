// Back-propagation through time, truncated, at each step anew: what an error finds on its way back over the latest steps.
//
// The block keeps somewhat more steps than the window is long. When it is full, the window is made again from its first state,
// so that this costs little per step.
#pragma once

#include "row_rule.h"

namespace recurra {

template <class T>
class RollingBpttRow final : public RowRule<T> {
 public:
  RollingBpttRow(const Model<T>& model, const WeightHistory<T>& history, Index window, Index capacity, double guard);

  void reset() override;
  bool gradient(T* to) override;
  bool settle(T* to, bool now) override;
  void forget() override;
  void save(OnlineFile<T>& file, const std::string& prefix) const override;
  void load(const OnlineFile<T>& file, const std::string& prefix) override;

 private:
  // After a walk back from an error as large as `given` to level `from`: false if it has grown beyond the guard.
  bool arrived(T given, Index from, T* to);

  Index window_;
  double guard_;
  bool from_start_ = true;  // whether the block's first step is that of the sequence
  std::vector<T> cotangent_;
};

}  // namespace recurra
