#include "recurra/online.h"

#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "../backends/select.h"
#include "../learning/bptt.h"
#include "../learning/checks.h"
#include "../learning/loss.h"
#include "../math/flush_to_zero.h"
#include "../training/require.h"
#include "../training/settings_text.h"
#include "frozen.h"
#include "row_rule.h"

namespace recurra {

namespace {

// Everything that a file must have in common with the learner that reads it.
std::string describe(const OnlineOptions& o) {
  std::string frozen;
  for (const std::string& name : o.frozen) frozen += ", frozen=" + name;
  return describe_rule(o.rule) + ", loss=" + describe(o.loss) + ", optimizer=" + describe(o.optimizer) +
         ", batch=" + std::to_string(o.batch) + ", update_every=" + std::to_string(o.update_every) +
         ", leak=" + number_text(o.leak) + ", clip_norm=" + (o.clip_norm ? number_text(*o.clip_norm) : "none") +
         ", guard=" + number_text(o.guard) + frozen;
}

void check_options(const OnlineOptions& o) {
  const auto at_least_one = [](const char* name, Index value) {
    if (value < 1)
      throw std::invalid_argument("Online: " + std::string(name) + " is " + std::to_string(value) + ", expected at least 1");
  };
  at_least_one("batch", o.batch);
  at_least_one("update_every", o.update_every);
  constexpr Index most = std::numeric_limits<std::int32_t>::max();  // so that plans can add steps up
  if (o.update_every > most)
    throw std::invalid_argument("Online: update_every is " + std::to_string(o.update_every) + ", expected at most " +
                                std::to_string(most));
  require(o.leak >= 0 && o.leak <= 1, "Online", "leak", o.leak, "0 .. 1");
  require(o.guard > 0 && std::isfinite(o.guard), "Online", "guard", o.guard, "a finite number > 0");
  if (o.clip_norm) require(*o.clip_norm > 0, "Online", "clip_norm", *o.clip_norm, "a number > 0");
}

std::uint64_t physical_memory() { return std::uint64_t(sysconf(_SC_PHYS_PAGES)) * std::uint64_t(sysconf(_SC_PAGE_SIZE)); }

template <class T>
RulePlan checked_plan(const BasicNetwork<T>& network, const OnlineOptions& given) {
  check_options(given);
  const OnlineOptions options = with_all_frozen(network, given);
  const T value{};
  const std::int64_t id{};
  check_loss("Online", *network.model(), Target<T>{&value, &id}, options.loss);  // its settings: any target will do
  return plan_rule(*network.model(), options);
}

template <class T>
RulePlan affordable_plan(const BasicNetwork<T>& network, const OnlineOptions& options) {
  RulePlan plan = checked_plan(network, options);
  const std::uint64_t most = options.max_bytes > 0 ? options.max_bytes : physical_memory();
  if (plan.report.bytes > most)
    throw std::length_error("Online: " + plan.report.rule + " needs about " + std::to_string(plan.report.bytes) +
                            " bytes for this network, expected at most " + std::to_string(most));
  return plan;
}

template <class T>
bool all_finite(std::span<const T> values) {
  const T most = kernels<T>(backend()).reductions.largest(values.data(), Index(values.size()));
  return most == most;
}

}  // namespace

template <class T>
struct BasicOnline<T>::Impl {
  Impl(BasicNetwork<T>& source, const OnlineOptions& o)
      : network(source),
        options(with_all_frozen(source, o)),
        keep_model(source.model()),
        model(*keep_model),
        plan(affordable_plan(source, options)),
        optimizer(o.optimizer, Index(source.flat().size())),
        history(model, plan.versions, source.flat().data()),
        rules(make_rules(model, history, options, plan)),
        sum(source.flat().size()),
        latest(sum.size()),
        of_network(source.shared()),
        shared(shared_online(source, options)),
        cotangents(std::size_t(o.batch * model.output_size)),
        outputs(std::size_t(o.batch)),
        learns(outputs.size()),
        report(plan.report) {
    for (const auto& rule : rules) rule->reset();
  }

  void check_size(const char* function, const char* name, std::size_t size, Index width) const {
    if (Index(size) != options.batch * width)
      throw std::invalid_argument(std::string(function) + ": " + name + " has " + std::to_string(size) + " values, expected " +
                                  std::to_string(options.batch) + " x " + std::to_string(width));
  }

  void check_shared(const char* function) {
    if (network.shared() == of_network) return;
    if (*network.shared() != *of_network)
      throw std::invalid_argument(std::string(function) +
                                  ": other parameters of the network are tied or frozen now, expected those the learner was made "
                                  "with");
    of_network = network.shared();
  }

  // All rows one step further, not yet made. Throws, and nothing has changed.
  void look(const char* function, std::span<const T> x, std::span<const T> teacher) {
    check_shared(function);
    check_size(function, "x", x.size(), model.input_size);
    if (!teacher.empty()) {
      if (model.teacher_size() == 0)
        throw std::invalid_argument(std::string(function) + ": got a teacher, but the network has no Feedback, or several");
      check_size(function, "teacher", teacher.size(), model.teacher_size());
    }
    for (Index row = 0; row < options.batch; ++row) {
      check_features(model, x.data() + row * model.input_size, row, Index(report.steps));
      if (!teacher.empty())
        check_values("teacher", teacher.data() + row * model.teacher_size(), model.teacher_size(), row, Index(report.steps));
    }
    for (Index row = 0; row < options.batch; ++row) {
      const T* seen = teacher.empty() ? nullptr : teacher.data() + row * model.teacher_size();
      outputs[std::size_t(row)] = rules[std::size_t(row)]->look(x.data() + row * model.input_size, seen);
      if (!outputs[std::size_t(row)])
        throw std::overflow_error(std::string(function) + ": the state or output of row " + std::to_string(row) +
                                  " is not finite; the step was not made");
    }
  }

  // The loss of the step looked at and its cotangents.
  double judge(const Target<T>& target, std::span<const T> weights) {
    check_loss("step", model, target, options.loss);
    for (std::size_t row = 0; row < weights.size(); ++row)
      if (!(weights[row] >= T(0)) || !std::isfinite(weights[row]))
        throw std::invalid_argument("step: the weight of row " + std::to_string(row) + " is " + std::to_string(weights[row]) +
                                    ", expected a finite number >= 0");
    const auto weight = [&](Index row) { return weights.empty() ? 1.0 : double(weights[std::size_t(row)]); };
    for (Index row = 0; row < options.batch; ++row) {
      learns[std::size_t(row)] = target.counts(row) && weight(row) > 0;
      if (learns[std::size_t(row)]) check_target(model, target, options.loss, row, row, Index(report.steps));
    }
    double loss = 0;
    for (Index row = 0; row < options.batch; ++row) {
      T* dy = cotangents.data() + row * model.output_size;
      if (learns[std::size_t(row)])
        loss += entry_loss(options.loss, outputs[std::size_t(row)], target, row, model.output_size,
                           weight(row) / double(options.batch), dy);
      else
        std::fill_n(dy, model.output_size, T(0));
    }
    if (!std::isfinite(loss) || !all_finite<T>(cotangents))
      throw std::overflow_error("step: the loss is " + number_text(loss) +
                                ", expected it and its gradient to be finite; the step was not made");
    return loss;
  }

  void made(bool targeted) {
    for (Index row = 0; row < options.batch; ++row) {
      const bool judged = targeted && learns[std::size_t(row)];
      rules[std::size_t(row)]->step(judged ? cotangents.data() + row * model.output_size : nullptr);
      learned |= judged;
    }
    ++report.steps;
    if (report.steps % std::uint64_t(options.update_every) == 0 && learned) update();
    for (const auto& rule : rules) guarded(*rule, rule->settle(sum.data()));
  }

  // A row whose past has grown beyond all bounds forgets it; what was summed up since the last update is then of no use, if
  // anything was.
  void guarded(RowRule<T>& rule, bool good) {
    if (good) return;
    ++report.guard_events;
    rule.forget();
    spoiled |= learned;
  }

  void update() {
    for (const auto& rule : rules) guarded(*rule, rule->gradient(sum.data()));
    shared.fold(std::span<T>(sum));
    const T most = kernels<T>(backend()).reductions.largest(sum.data(), Index(sum.size()));
    if (!spoiled && most != most) {
      for (const auto& rule : rules) rule->forget();
      ++report.guard_events;
      spoiled = true;
    }
    if (!spoiled) apply(most);
    std::fill(sum.begin(), sum.end(), T(0));
    spoiled = learned = false;
  }

  // `most`: the largest magnitude of the sum.
  void apply(T most) {
    // Optimizers that remember squares would keep an infinite one, and its parameter would rest for ever.
    if (options.clip_norm) most = std::min(most, T(*options.clip_norm));
    if (!std::isfinite(most * most)) {
      ++report.guard_events;
      return;
    }
    const std::vector<T>& before = history.flat(history.now());
    std::copy(sum.begin(), sum.end(), latest.begin());
    if (options.clip_norm) clip_norm<T>(sum, *options.clip_norm);
    optimizer.update(network, sum, shared);
    if (all_finite<T>(network.flat())) {
      history.update(network.flat().data());
      ++report.updates;
      return;
    }
    std::copy(before.begin(), before.end(), network.flat().begin());
    ++report.guard_events;
  }

  void reset(RowRule<T>& rule) {
    guarded(rule, rule.gradient(sum.data()));
    rule.reset();
  }

  void save(OnlineFile<T>& file) const {
    history.save(file);
    for (std::size_t row = 0; row < rules.size(); ++row) rules[row]->save(file, "row" + std::to_string(row) + ".");
    const OptimizerState<T> memory = optimizer.state();
    for (const auto& [name, vector] : memory.vectors) file.put("optimizer." + name, vector);
    file.put("optimizer.updates", std::int64_t(memory.updates));
    file.put("sum", sum);
    file.put("latest", latest);
    file.put("learned", learned);
    file.put("spoiled", spoiled);
    file.put("steps", std::int64_t(report.steps));
    file.put("updates", std::int64_t(report.updates));
    file.put("guard_events", std::int64_t(report.guard_events));
  }

  void load(const OnlineFile<T>& file) {
    history.load(file);
    for (std::size_t row = 0; row < rules.size(); ++row) rules[row]->load(file, "row" + std::to_string(row) + ".");
    OptimizerState<T> memory = optimizer.state();
    for (auto& [name, vector] : memory.vectors) file.copy("optimizer." + name, vector);
    memory.updates = std::uint64_t(file.number("optimizer.updates"));
    optimizer.set_state(std::move(memory));
    file.copy("sum", sum);
    file.copy("latest", latest);
    learned = file.number("learned") != 0;
    spoiled = file.number("spoiled") != 0;
    report.steps = std::uint64_t(file.number("steps"));
    report.updates = std::uint64_t(file.number("updates"));
    report.guard_events = std::uint64_t(file.number("guard_events"));
  }

  BasicNetwork<T>& network;
  const OnlineOptions options;
  const std::shared_ptr<const Model<T>> keep_model;
  const Model<T>& model;
  const RulePlan plan;
  BasicOptimizer<T> optimizer;
  WeightHistory<T> history;
  RowRules<T> rules;
  std::vector<T> sum, latest;                          // of gradients: since the last update, and of that one
  std::shared_ptr<const SharedParameters> of_network;  // what is tied and rests there; here more may rest
  const SharedParameters shared;
  std::vector<T> cotangents;
  std::vector<const T*> outputs;
  std::vector<char> learns;  // by row, from the step looked at
  OnlineReport report;
  bool learned = false;  // something, since the last update
  bool spoiled = false;  // so that `sum` is of no use
};

template <class T>
BasicOnline<T>::BasicOnline(BasicNetwork<T>& network, const OnlineOptions& options)
    : impl_(std::make_unique<Impl>(network, options)) {}
template <class T>
BasicOnline<T>::~BasicOnline() = default;
template <class T>
BasicOnline<T>::BasicOnline(BasicOnline&&) noexcept = default;

template <class T>
OnlineReport BasicOnline<T>::plan(const BasicNetwork<T>& network, const OnlineOptions& options) {
  return checked_plan(network, options).report;
}

template <class T>
Index BasicOnline<T>::batch() const {
  return impl_->options.batch;
}
template <class T>
Index BasicOnline<T>::input_size() const {
  return impl_->model.input_size;
}
template <class T>
Index BasicOnline<T>::output_size() const {
  return impl_->model.output_size;
}
template <class T>
Index BasicOnline<T>::teacher_size() const {
  return impl_->model.teacher_size();
}

template <class T>
void BasicOnline<T>::predict(std::span<const T> x, std::span<T> y) {
  const FlushToZero flush;
  impl_->check_size("predict", "y", y.size(), output_size());
  impl_->look("predict", x, {});
  for (Index row = 0; row < batch(); ++row)
    std::copy_n(impl_->outputs[std::size_t(row)], output_size(), y.begin() + row * output_size());
}

template <class T>
double BasicOnline<T>::step(std::span<const T> x, std::span<T> y, const Target<T>& target, std::span<const T> weights,
                            std::span<const T> teacher) {
  const FlushToZero flush;
  if (!y.empty()) impl_->check_size("step", "y", y.size(), output_size());
  if (!weights.empty()) impl_->check_size("step", "weights", weights.size(), 1);
  const bool targeted = target.values || target.classes;
  impl_->look("step", x, teacher);
  const double loss = targeted ? impl_->judge(target, weights) : 0;
  for (Index row = 0; !y.empty() && row < batch(); ++row)
    std::copy_n(impl_->outputs[std::size_t(row)], output_size(), y.begin() + row * output_size());
  impl_->made(targeted);
  return loss;
}

template <class T>
void BasicOnline<T>::reset() {
  const FlushToZero flush;
  for (const auto& rule : impl_->rules) impl_->reset(*rule);
}

template <class T>
void BasicOnline<T>::reset(Index row) {
  if (row < 0 || row >= batch())
    throw std::out_of_range("reset: row is " + std::to_string(row) + ", expected 0 .. " + std::to_string(batch() - 1));
  const FlushToZero flush;
  impl_->reset(*impl_->rules[std::size_t(row)]);
}

template <class T>
std::span<const T> BasicOnline<T>::gradient() const {
  return impl_->latest;
}

template <class T>
std::vector<T> BasicOnline<T>::influence(const std::string& name) {
  const auto& all = impl_->model.parameters;
  const auto found = std::ranges::find(all, name, &Parameter::name);
  if (found == all.end()) throw std::out_of_range("influence: the network has no parameter '" + name + "'");
  const FlushToZero flush;
  const Index states = impl_->model.state_offset.back();
  const Index size = found->size;
  std::vector<T> result(std::size_t(batch() * states * size)), part(std::size_t(states * size));
  for (const std::string& one : impl_->shared.group_of(name))  // what is tied is one parameter
    for (Index row = 0; row < batch(); ++row) {
      impl_->rules[std::size_t(row)]->influence(std::ranges::find(all, one, &Parameter::name)->offset, size, part.data());
      std::transform(part.begin(), part.end(), result.begin() + row * states * size, result.begin() + row * states * size,
                     std::plus<T>());
    }
  return result;
}

template <class T>
BasicState<T> BasicOnline<T>::state() const {
  BasicState<T> state(impl_->network, batch());
  for (Index row = 0; row < batch(); ++row) impl_->rules[std::size_t(row)]->save_state(state.row(row).data());
  return state;
}

template <class T>
OnlineReport BasicOnline<T>::report() const {
  return impl_->report;
}

template <class T>
void BasicOnline<T>::reload() {
  Impl& s = *impl_;
  if (s.network.layers() != s.model.specs)
    throw std::invalid_argument("reload: the network has other layers now, expected those the learner was made with");
  s.check_shared("reload");
  if (!all_finite<T>(s.network.flat())) throw std::invalid_argument("reload: the network has parameters that are not finite");
  const FlushToZero flush;
  for (const auto& rule : s.rules) s.guarded(*rule, rule->gradient(s.sum.data()) && rule->settle(s.sum.data(), true));
  s.history.update(s.network.flat().data());
}

template <class T>
void BasicOnline<T>::save(const std::string& path) const {
  const Impl& s = *impl_;
  OnlineFile<T> file(describe(s.options));
  s.save(file);
  file.write(path, s.network);
}

template <class T>
void BasicOnline<T>::load(const std::string& path) {
  Impl& s = *impl_;
  const OnlineFile<T> file = OnlineFile<T>::read(path, describe(s.options), s.network);
  const FlushToZero flush;
  BasicNetwork<T> network(s.network.layers(), file.parameters(), s.network.tied(), s.network.frozen());
  Impl(network, s.options).load(file);  // first aside, so that an error leaves the learner as it was
  file.check_all_read();
  std::copy(network.flat().begin(), network.flat().end(), s.network.flat().begin());
  s.load(file);
}

#define RECURRA_INSTANTIATE(T) template class BasicOnline<T>;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
