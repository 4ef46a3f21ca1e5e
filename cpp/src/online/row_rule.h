// An online rule on one row: what it keeps of the past, so that the gradient of a step can be told when it is made.
#pragma once

#include <memory>
#include <string>

#include "block.h"
#include "online_file.h"
#include "recurra/online.h"

namespace recurra {

template <class T>
class RowRule {
 public:
  // `capacity`: how many steps are kept; `seeds`: the most cotangents that walk back through them at a time.
  RowRule(const Model<T>& model, const WeightHistory<T>& history, Index capacity, Index seeds = 1)
      : model_(model),
        history_(history),
        block_(model, history, capacity, seeds),
        state_(std::size_t(model.state_offset.back())) {}
  virtual ~RowRule() = default;

  // The output of the next step, null if it or its state is not finite; then a step it is.
  const T* look(const T* x, const T* teacher);
  void save_state(T* to) const { block_.save_state(block_.steps(), to); }

  // A sequence begins.
  virtual void reset();
  // The step looked at is made; dy is the cotangent of its output, null: it had no target.
  virtual void step(const T* dy);
  // Adds the gradient of all that was learned since the last call. False if it grew beyond all bounds: the past is then
  // forgotten, and the sum may be anything.
  virtual bool gradient(T* to) = 0;
  // Makes room for the next step, if there is none or `now`, when the weights of earlier steps are not needed any more.
  // Adds and returns as `gradient`.
  virtual bool settle(T* to, bool now = false) = 0;
  // The past influences nothing any more; the state stays.
  virtual void forget() = 0;
  // d(state)/d(parameters offset .. offset + size - 1), [state size][size].
  virtual void influence(Index offset, Index size, T* to);

  // To a file, between two steps, and back. Names begin with `prefix`.
  virtual void save(OnlineFile<T>& file, const std::string& prefix) const;
  virtual void load(const OnlineFile<T>& file, const std::string& prefix);

 protected:
  const Model<T>& model_;
  const WeightHistory<T>& history_;
  Block<T> block_;
  std::vector<T> state_;
};

template <class T>
using RowRules = std::vector<std::unique_ptr<RowRule<T>>>;

// What a rule needs and does on a network.
struct RulePlan {
  OnlineReport report;  // its fixed part
  Index versions = 2;   // of the weights that it looks back to
  Index seeds = 1;      // cotangents that are walked back at a time
};

// "RTRL(block=0)"
std::string describe_rule(const OnlineRule& rule);
// Throws std::invalid_argument for what a rule does not admit.
template <class T>
RulePlan plan_rule(const Model<T>& model, const OnlineOptions& options);
// One for each row.
template <class T>
RowRules<T> make_rules(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options,
                       const RulePlan& plan);

// Among the paths that a gradient does not follow: what leaks.
void drop_leak(const OnlineOptions& options, OnlineReport& report);

// The numbers that a step's tape keeps, values alone: about.
template <class T>
double step_width(const Model<T>& model);

// The same for each rule, in a file of its own; the network is causal.
#define RECURRA_RULE(Template, T, Rule)                                            \
  Template RulePlan plan_rule(const Model<T>&, const OnlineOptions&, const Rule&); \
  Template RowRules<T> make_rules(const Model<T>&, const WeightHistory<T>&, const OnlineOptions&, const RulePlan&, const Rule&);
#define RECURRA_DECLARE_RULE(Rule)                 \
  std::string describe_settings(const Rule& rule); \
  RECURRA_RULE(template <class T>, T, Rule)
#define RECURRA_INSTANTIATE_RULE(Rule) \
  RECURRA_RULE(template, float, Rule)  \
  RECURRA_RULE(template, double, Rule)
RECURRA_DECLARE_RULE(Rtrl)
RECURRA_DECLARE_RULE(SnAp)
RECURRA_DECLARE_RULE(EProp)
RECURRA_DECLARE_RULE(KfRtrl)
RECURRA_DECLARE_RULE(Rflo)
RECURRA_DECLARE_RULE(Uoro)
RECURRA_DECLARE_RULE(RollingBptt)

}  // namespace recurra
