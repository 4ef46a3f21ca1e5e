// Exact real-time recurrent learning in blocks.
//
// The influence J is known at the block's start. A step's gradient is its cotangent walked back to there, with what it meets on
// the way, plus the cotangent of that state times J. At the block's end the identity is walked back: what it meets is F, what
// arrives is W, and J <- W J + F. Each step is walked back with the weights it was made with, so that all of this equals the
// recursion J <- D J + I step by step, which is a block of 1.
#pragma once

#include "influence.h"
#include "row_rule.h"

namespace recurra {

template <class T>
class RtrlRow final : public RowRule<T> {
 public:
  // What a refresh of J works on; rows take turns.
  struct Scratch {
    Scratch(const Model<T>& model, Index seeds, std::size_t learning)
        : next(model, seeds, learning), w(std::size_t(model.state_offset.back() * model.state_offset.back())) {}
    Influence<T> next;
    std::vector<T> w;
  };
  struct Settings {
    Index block, seeds;
    std::size_t learning;  // the first layer whose parameters learn
    double leak, guard;
  };

  RtrlRow(const Model<T>& model, const WeightHistory<T>& history, Settings settings, std::shared_ptr<Scratch> scratch);

  void reset() override;
  bool gradient(T* to) override;
  bool settle(T* to, bool now) override;
  void forget() override;
  void influence(Index offset, Index size, T* to) override;
  void save(OnlineFile<T>& file, const std::string& prefix) const override;
  void load(const OnlineFile<T>& file, const std::string& prefix) override;

 private:
  void start_influence();
  // The influence after the block's latest step, to scratch.next. False if it is beyond the guard.
  bool advance();

  Settings settings_;
  Influence<T> influence_;  // of the state at the block's start
  std::shared_ptr<Scratch> scratch_;
  std::vector<T> cotangent_;
  bool learns_start_ = false;
};

}  // namespace recurra
