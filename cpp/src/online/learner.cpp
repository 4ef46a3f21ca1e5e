#include "learner.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../learning/checks.h"
#include "../learning/finite.h"
#include "../learning/loss.h"
#include "../training/settings_text.h"
#include "online_options.h"

namespace recurra {

template <class T>
Learner<T>::Learner(BasicNetwork<T>& source, const OnlineOptions& o)
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
      clipped(o.clip_norm ? sum.size() : 0),
      of_network(source.shared()),
      shared(shared_online(source, options)),
      cotangents(std::size_t(o.batch * model.output_size)),
      outputs(std::size_t(o.batch)),
      learns(outputs.size()),
      report(plan.report) {
  for (const auto& rule : rules) rule->reset();
}

template <class T>
void Learner<T>::check_size(const char* function, const char* name, std::size_t size, Index width) const {
  if (Index(size) != options.batch * width)
    throw std::invalid_argument(std::string(function) + ": " + name + " has " + std::to_string(size) + " values, expected " +
                                std::to_string(options.batch) + " x " + std::to_string(width));
}

template <class T>
void Learner<T>::check_shared(const char* function) const {
  if (network.shared() == of_network) return;
  if (*network.shared() != *of_network)
    throw std::invalid_argument(std::string(function) +
                                ": other parameters of the network are tied or frozen now, expected those the learner was made "
                                "with");
  of_network = network.shared();
}

template <class T>
void Learner<T>::look(const char* function, std::span<const T> x, std::span<const T> teacher) {
  check_shared(function);
  check_size(function, "x", x.size(), model.input_size);
  if (!teacher.empty()) {
    if (model.teacher_size() == 0)
      throw std::invalid_argument(std::string(function) + ": got a teacher, but the network has no Feedback, or several");
    check_size(function, "teacher", teacher.size(), model.teacher_size());
  }
  for (Index row = 0; row < options.batch; ++row) {
    check_features(model, x.data() + row * model.input_size, {row, Index(report.steps)});
    if (!teacher.empty())
      check_values("teacher", teacher.data() + row * model.teacher_size(), model.teacher_size(), {row, Index(report.steps)});
  }
  for (Index row = 0; row < options.batch; ++row) {
    const T* seen = teacher.empty() ? nullptr : teacher.data() + row * model.teacher_size();
    outputs[std::size_t(row)] = rules[std::size_t(row)]->look(x.data() + row * model.input_size, seen);
    if (!outputs[std::size_t(row)])
      throw std::overflow_error(std::string(function) + ": the state or output of row " + std::to_string(row) +
                                " is not finite; the step was not made");
  }
}

template <class T>
double Learner<T>::judge(const Target<T>& target, std::span<const T> weights) {
  check_loss("step", model, target, options.loss);
  for (std::size_t row = 0; row < weights.size(); ++row)
    if (!(weights[row] >= T(0)) || !std::isfinite(weights[row]))
      throw std::invalid_argument("step: the weight of row " + std::to_string(row) + " is " + std::to_string(weights[row]) +
                                  ", expected a finite number >= 0");
  const auto weight = [&](Index row) { return weights.empty() ? 1.0 : double(weights[std::size_t(row)]); };
  for (Index row = 0; row < options.batch; ++row) {
    learns[std::size_t(row)] = target.counts(row) && weight(row) > 0;
    if (learns[std::size_t(row)]) check_target(model, target, options.loss, row, {row, Index(report.steps)});
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
  if (!std::isfinite(loss) || !all_finite(cotangents.data(), Index(cotangents.size())))
    throw std::overflow_error("step: the loss is " + number_text(loss) +
                              ", expected it and its gradient to be finite; the step was not made");
  return loss;
}

template <class T>
void Learner<T>::made(bool targeted) {
  for (Index row = 0; row < options.batch; ++row) {
    const bool judged = targeted && learns[std::size_t(row)];
    rules[std::size_t(row)]->step(judged ? cotangents.data() + row * model.output_size : nullptr);
    learned |= judged;
  }
  ++report.steps;
  if (report.steps % std::uint64_t(options.update_every) == 0 && learned) update();
  for (const auto& rule : rules) guarded(*rule, rule->settle(sum.data()));
}

template struct Learner<float>;
template struct Learner<double>;

}  // namespace recurra
