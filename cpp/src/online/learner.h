// The engine of an online learner: a rule for each row, and the one optimizer that makes updates of their gradients.
#pragma once

#include "frozen.h"
#include "row_rule.h"

namespace recurra {

template <class T>
struct Learner {
  // Throws as BasicOnline.
  Learner(BasicNetwork<T>& network, const OnlineOptions& options);

  void check_size(const char* function, const char* name, std::size_t size, Index width) const;
  // Throws if other parameters of the network are tied or rest now.
  void check_shared(const char* function) const;
  // All rows one step further, not yet made. Throws, and nothing has changed.
  void look(const char* function, std::span<const T> x, std::span<const T> teacher);
  // The loss of the step looked at and its cotangents.
  double judge(const Target<T>& target, std::span<const T> weights);
  void made(bool targeted);

  // (learner_update.cpp) A row whose past has grown beyond all bounds forgets it; what was summed up since the last update is
  // then of no use, if anything was.
  void guarded(RowRule<T>& rule, bool good);
  void update();
  // `most`: the largest magnitude of the sum.
  void apply(T most);
  void reset(RowRule<T>& rule);

  void save(OnlineFile<T>& file) const;
  void load(const OnlineFile<T>& file);

  BasicNetwork<T>& network;
  const OnlineOptions options;
  const std::shared_ptr<const Model<T>> keep_model;
  const Model<T>& model;
  const RulePlan plan;
  BasicOptimizer<T> optimizer;
  WeightHistory<T> history;
  RowRules<T> rules;
  std::vector<T> sum, latest;                                  // of gradients: since the last update, and of that one
  std::vector<T> clipped;                                      // if updates are
  mutable std::shared_ptr<const SharedParameters> of_network;  // what is tied and rests there; here more may rest
  const SharedParameters shared;
  std::vector<T> cotangents;
  std::vector<const T*> outputs;
  std::vector<char> learns;  // by row, from the step looked at
  OnlineReport report;
  bool learned = false;  // something, since the last update
  bool spoiled = false;  // so that `sum` is of no use
};

}  // namespace recurra
