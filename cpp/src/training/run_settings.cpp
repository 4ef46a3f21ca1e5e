#include "run_settings.h"

#include <stdexcept>

#include "../io/architecture.h"
#include "../io/sharing_text.h"
#include "fingerprint.h"
#include "settings_text.h"

namespace recurra {

namespace {

// As it was before networks could be tied and frozen, if nothing is.
template <class T>
std::string describe(const BasicNetwork<T>& network) {
  const std::string tied = tied_text(*network.shared()), frozen = frozen_text(*network.shared());
  return architecture_to_json(network.layers()) + (tied.empty() ? "" : ", tied " + tied) +
         (frozen.empty() ? "" : ", frozen " + frozen);
}

std::string positive(double value) { return value > 0 ? number_text(value) : "none"; }

// As it was before there were segments, if there are none.
std::string describe_window(const FitOptions& o) {
  const std::string length = o.segment == RunOptions::square_root ? "the square root" : std::to_string(o.segment);
  return positive(double(o.window)) + (o.segment == 0 ? "" : ", in segments of " + length);
}

}  // namespace

template <class T>
RunSettings run_settings(const BasicNetwork<T>& network, const Data<T>& training, const Data<T>* validation,
                         const FitOptions& o) {
  return {{"the network", describe(network)},
          {"dtype", sizeof(T) == sizeof(float) ? "float32" : "float64"},
          {"the hash of the training data", hexadecimal(fingerprint(network, training, o.loss))},
          {"the hash of the validation data", validation ? hexadecimal(fingerprint(network, *validation, o.loss)) : "none"},
          {"loss", describe(o.loss)},
          {"optimizer", describe(o.optimizer)},
          {"schedule", describe(o.schedule)},
          {"window", describe_window(o)},
          {"sampling", number_text(o.sampling.begin) + " to " + number_text(o.sampling.end) + " in " +
                           std::to_string(o.sampling.epochs) + " epochs"},
          {"batch_size", std::to_string(o.batch_size)},
          {"clip_norm", positive(o.clip_norm)},
          {"clip_value", positive(o.clip_value)},
          {"shuffle", o.shuffle ? "on" : "off"},
          {"seed", std::to_string(o.seed)},
          {"stateful", o.stateful ? "on" : "off"},
          {"early_stopping", describe(o.early_stopping)}};
}

void require_same_run(const RunSettings& asked, const RunSettings& saved, const std::string& source) {
  for (const auto& [name, value] : asked) {
    std::string expected = "what this version does not know";
    for (const auto& [key, saved_value] : saved)
      if (key == name) expected = saved_value;
    if (value != expected)
      throw std::invalid_argument("fit: " + name + " is " + value + ", expected " + expected + " to resume the run in " + source);
  }
}

#define RECURRA_INSTANTIATE(T) \
  template RunSettings run_settings(const BasicNetwork<T>&, const Data<T>&, const Data<T>*, const FitOptions&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
