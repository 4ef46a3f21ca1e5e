#include "online_options.h"

#include <unistd.h>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "../learning/checks.h"
#include "../training/require.h"
#include "../training/settings_text.h"
#include "frozen.h"

namespace recurra {

std::string describe(const OnlineOptions& o) {
  std::string frozen;
  for (const std::string& name : o.frozen) frozen += ", frozen=" + name;
  return describe_rule(o.rule) + ", loss=" + describe(o.loss) + ", optimizer=" + describe(o.optimizer) +
         ", batch=" + std::to_string(o.batch) + ", update_every=" + std::to_string(o.update_every) +
         ", leak=" + number_text(o.leak) + ", clip_norm=" + (o.clip_norm ? number_text(*o.clip_norm) : "none") +
         ", guard=" + number_text(o.guard) + frozen;
}

namespace {

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

}  // namespace

template <class T>
RulePlan checked_plan(const BasicNetwork<T>& network, const OnlineOptions& given) {
  check_options(given);
  const OnlineOptions options = with_all_frozen(network, given);
  const T value{};
  const std::int64_t id{};
  expect_exact("Online", options.loss);
  check_loss("Online", *network.model(), Target<T>{&value, &id}, options.loss);  // its settings: any target will do
  return plan_rule(*network.model(), options);
}

void check_memory(const std::string& function, const RulePlan& plan, std::uint64_t max_bytes) {
  const std::uint64_t most = max_bytes > 0 ? max_bytes : physical_memory();
  if (plan.report.bytes > most)
    throw std::length_error(function + ": " + plan.report.rule + " needs about " + std::to_string(plan.report.bytes) +
                            " bytes for this network, expected at most " + std::to_string(most));
}

template <class T>
RulePlan affordable_plan(const BasicNetwork<T>& network, const OnlineOptions& options) {
  RulePlan plan = checked_plan(network, options);
  check_memory("Online", plan, options.max_bytes);
  return plan;
}

#define RECURRA_INSTANTIATE(T)                                                  \
  template RulePlan checked_plan(const BasicNetwork<T>&, const OnlineOptions&); \
  template RulePlan affordable_plan(const BasicNetwork<T>&, const OnlineOptions&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
