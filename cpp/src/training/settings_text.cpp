#include "settings_text.h"

#include <array>
#include <charconv>
#include <utility>

#include "../math/random.h"

namespace recurra {

std::string number_text(double value) {
  std::array<char, 32> buffer;
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

std::string hexadecimal(std::uint64_t value) {
  std::array<char, 16> buffer;
  const std::string digits{buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, 16).ptr};
  return std::string(buffer.size() - digits.size(), '0') + digits;
}

namespace {

using Arguments = std::vector<std::pair<const char*, std::string>>;

// `lazy` as it was before there was such a thing, if it is not.
std::string call(const std::string& name, const Arguments& arguments, bool lazy = false) {
  std::string list;
  for (const auto& [key, value] : arguments) list += (list.empty() ? "" : ", ") + std::string(key) + "=" + value;
  if (lazy) list += ", lazy=true";
  return name + "(" + list + ")";
}

// All values of a few, a hash of many.
std::string list_text(const std::vector<double>& values) {
  if (values.empty()) return "none";
  std::string list;
  std::uint64_t hash = 0;
  for (const double value : values) {
    const std::string number = number_text(value);
    list += (list.empty() ? "" : ", ") + number;
    for (const char c : number + ",") hash = mix(hash, std::uint64_t(c));
  }
  return values.size() <= 16 ? "[" + list + "]" : std::to_string(values.size()) + " values of hash " + hexadecimal(hash);
}

Arguments arguments(const Mse&) { return {}; }
Arguments arguments(const Mae&) { return {}; }
Arguments arguments(const Huber& s) { return {{"delta", number_text(s.delta)}}; }
Arguments arguments(const CrossEntropy& s) {
  return {{"class_weights", list_text(s.class_weights)},
          {"ignored_class", s.ignored_class ? std::to_string(*s.ignored_class) : "none"},
          {"label_smoothing", number_text(s.label_smoothing)}};
}
Arguments arguments(const SampledSoftmax& s) {
  return {{"samples", std::to_string(s.samples)},
          {"distribution", s.distribution == SampledSoftmax::uniform ? "uniform" : "log_uniform"}};
}
Arguments arguments(const BinaryCrossEntropy& s) { return {{"positive_weight", number_text(s.positive_weight)}}; }

std::string describe(const Sgd& s) {
  return call("SGD",
              {{"learning_rate", number_text(s.learning_rate)},
               {"momentum", number_text(s.momentum)},
               {"l2", number_text(s.decay.l2)},
               {"l1", number_text(s.decay.l1)},
               {"nesterov", s.nesterov ? "true" : "false"}},
              s.lazy);
}
std::string describe(const Adam& s) {
  return call("Adam",
              {{"learning_rate", number_text(s.learning_rate)},
               {"beta1", number_text(s.beta1)},
               {"beta2", number_text(s.beta2)},
               {"epsilon", number_text(s.epsilon)},
               {"l2", number_text(s.decay.l2)},
               {"l1", number_text(s.decay.l1)}},
              s.lazy);
}
std::string describe(const AdamW& s) {
  return call("AdamW",
              {{"learning_rate", number_text(s.learning_rate)},
               {"beta1", number_text(s.beta1)},
               {"beta2", number_text(s.beta2)},
               {"epsilon", number_text(s.epsilon)},
               {"weight_decay", number_text(s.weight_decay)}},
              s.lazy);
}
std::string describe(const RmsProp& s) {
  return call("RMSprop",
              {{"learning_rate", number_text(s.learning_rate)},
               {"alpha", number_text(s.alpha)},
               {"epsilon", number_text(s.epsilon)},
               {"momentum", number_text(s.momentum)},
               {"centered", s.centered ? "true" : "false"},
               {"l2", number_text(s.decay.l2)},
               {"l1", number_text(s.decay.l1)}},
              s.lazy);
}
std::string describe(const Adagrad& s) {
  return call("Adagrad", {{"learning_rate", number_text(s.learning_rate)},
                          {"learning_rate_decay", number_text(s.learning_rate_decay)},
                          {"initial_accumulator", number_text(s.initial_accumulator)},
                          {"epsilon", number_text(s.epsilon)},
                          {"l2", number_text(s.decay.l2)},
                          {"l1", number_text(s.decay.l1)}});
}

std::string describe(const ConstantRate&) { return "ConstantRate()"; }
std::string describe(const StepDecay& s) {
  return call("StepDecay", {{"step_size", number_text(s.step_size)}, {"factor", number_text(s.factor)}});
}
std::string describe(const ExponentialDecay& s) { return call("ExponentialDecay", {{"factor", number_text(s.factor)}}); }
std::string describe(const CosineDecay& s) {
  return call("CosineDecay", {{"epochs", number_text(s.epochs)}, {"minimum", number_text(s.minimum)}});
}
std::string describe(const ReduceOnPlateau& s) {
  return call("ReduceOnPlateau", {{"factor", number_text(s.factor)},
                                  {"patience", number_text(s.patience)},
                                  {"threshold", number_text(s.threshold)},
                                  {"minimum", number_text(s.minimum)}});
}
std::string describe(const LinearWarmup& s) {
  return call("LinearWarmup",
              {{"epochs", number_text(s.epochs)}, {"then", std::visit([](const auto& then) { return describe(then); }, s.then)}});
}

}  // namespace

std::string describe(const Loss& loss) {
  return call(loss.name(), std::visit([](const auto& s) { return arguments(s); }, loss.settings()));
}

std::string describe(const Optimizer& optimizer) {
  return std::visit([](const auto& s) { return describe(s); }, optimizer);
}

std::string describe(const RateSchedule& schedule) {
  return std::visit([](const auto& s) { return describe(s); }, schedule);
}

std::string describe(const std::optional<EarlyStopping>& s) {
  if (!s) return "none";
  return call("EarlyStopping", {{"patience", number_text(s->patience)},
                                {"min_delta", number_text(s->min_delta)},
                                {"restore_best", s->restore_best ? "true" : "false"}});
}

}  // namespace recurra
