#include "cutoffs.h"

#include <charconv>
#include <cmath>

namespace recurra {

std::string cutoffs_to_text(const std::vector<std::int64_t>& cutoffs) {
  std::string text;
  for (const std::int64_t cutoff : cutoffs) {
    if (!text.empty()) text += ',';
    text += std::to_string(cutoff);
  }
  return text;
}

std::optional<std::vector<std::int64_t>> cutoffs_from_text(const std::string& text) {
  std::vector<std::int64_t> cutoffs;
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    std::int64_t cutoff;
    const auto [behind, error] = std::from_chars(at, end, cutoff);
    if (error != std::errc{}) return std::nullopt;
    cutoffs.push_back(cutoff);
    at = behind < end ? behind + 1 : end;
  }
  if (cutoffs_to_text(cutoffs) != text) return std::nullopt;
  return cutoffs;
}

std::vector<double> cluster_units(std::int64_t input_size, std::size_t clusters, double div_value) {
  std::vector<double> units;
  for (std::size_t i = 0; i < clusters; ++i) {
    const double size = double(input_size), divisor = std::pow(div_value, double(i + 1));
    units.push_back(
        std::round((size - std::fmod(size, divisor)) / divisor));  // the quotient alone may round up to a whole number
  }
  return units;
}

}  // namespace recurra
