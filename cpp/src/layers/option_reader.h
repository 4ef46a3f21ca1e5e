// Reads a description's options, remembers which were asked for, and refuses what is left.
#pragma once

#include <limits>
#include <set>
#include <stdexcept>
#include <string>

#include "recurra/layer_spec.h"
#include "recurra/network.h"

namespace recurra {

class OptionReader {
 public:
  static constexpr Index most_elements = std::numeric_limits<Index>::max() / 1024, most_features = Index(1) << 48;

  // `where` begins every message: "Network: layer 1 (Linear)".
  OptionReader(const LayerSpec& spec, std::string where) : spec_(&spec), where_(std::move(where)) {}

  [[noreturn]] void fail(const std::string& what) const { throw std::invalid_argument(where_ + " " + what); }
  bool has(const std::string& name) const { return spec_->options.count(name) > 0; }

  Index size(const std::string& name) {
    const std::int64_t value = get<std::int64_t>(name, "an integer");
    if (value < 1) fail("has " + name + " = " + std::to_string(value) + ", expected at least 1");
    return value;
  }
  Index size(const std::string& name, Index otherwise) { return has(name) ? size(name) : otherwise; }
  bool flag(const std::string& name) { return has(name) && get<bool>(name, "true or false"); }
  double number(const std::string& name) {
    const OptionValue& value = find(name, "a number");
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return double(*integer);
    return get<double>(name, "a number");
  }
  // A probability below 1; 0 where the option is missing.
  double probability(const std::string& name) {
    if (!has(name)) return 0;
    const double value = number(name);
    if (!(value >= 0 && value < 1)) fail("has " + name + " = " + std::to_string(value) + ", expected 0 <= " + name + " < 1");
    return value;
  }
  // 0 .. count - 1.
  Index index(const std::string& name, Index count) {
    const std::int64_t value = get<std::int64_t>(name, "an integer");
    if (value < 0 || value >= count)
      fail("has " + name + " = " + std::to_string(value) + ", expected 0 .. " + std::to_string(count - 1));
    return value;
  }
  std::string text(const std::string& name) { return get<std::string>(name, "a text"); }
  std::string text(const std::string& name, std::initializer_list<const char*> choices) {
    const std::string value = text(name);
    std::string known;
    for (const std::string choice : choices) {
      if (value == choice) return value;
      known += (known.empty() ? "'" : " or '") + choice + "'";
    }
    fail("has " + name + " = '" + value + "', expected " + known);
  }
  void use(const std::string& name) { used_.insert(name); }
  void check_all_used() const {
    for (const auto& [name, value] : spec_->options)
      if (!used_.count(name)) fail("has an unknown option '" + name + "'");
  }
  // Products and sums of sizes must be far from overflowing.
  void check_product(std::initializer_list<Index> factors) const {
    Index product = 1;
    for (const Index factor : factors)
      if (__builtin_mul_overflow(product, factor, &product) || product > most_elements) fail("has sizes whose product overflows");
  }
  void check_features(Index features) const {
    if (features > most_features)
      fail("has " + std::to_string(features) + " features, expected at most " + std::to_string(most_features));
  }
  void check_no_children() const {
    if (!spec_->children.empty()) fail("has layers inside, expected none");
  }

 private:
  const OptionValue& find(const std::string& name, const std::string& kind) {
    const auto found = spec_->options.find(name);
    if (found == spec_->options.end()) fail("lacks the option '" + name + "', expected " + kind);
    used_.insert(name);
    return found->second;
  }
  template <class V>
  V get(const std::string& name, const std::string& kind) {
    const OptionValue& value = find(name, kind);
    if (!std::holds_alternative<V>(value)) fail("has an option '" + name + "' that is not " + kind);
    return std::get<V>(value);
  }

  const LayerSpec* spec_;
  std::string where_;
  std::set<std::string> used_;
};

}  // namespace recurra
