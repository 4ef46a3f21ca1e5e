#include "narrow_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace recurra {

namespace {

// To the nearest, ties to even; beyond the largest bfloat16 to that one.
float to_bfloat16(float w) {
  const auto bits = std::bit_cast<std::uint32_t>(w);
  const std::uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  return std::bit_cast<float>((rounded & 0x7f800000u) == 0x7f800000u ? (bits & 0x80000000u) | 0x7f7f0000u : rounded);
}

template <class T>
void round_row(WeightFormat format, T* row, Index size) {
  if (format == WeightFormat::bfloat16) {
    std::transform(row, row + size, row, [](T w) { return T(to_bfloat16(float(w))); });
    return;
  }
  T largest = 0;
  for (Index k = 0; k < size; ++k) largest = std::max(largest, std::abs(row[k]));
  // A scale that is subnormal would be too coarse: such a row is zero beside any other number.
  const T scale = largest < 127 * std::numeric_limits<T>::min() ? T(0) : largest / 127;
  for (Index k = 0; k < size; ++k) row[k] = scale > 0 ? std::clamp(std::rint(row[k] / scale) * scale, -largest, largest) : T(0);
}

bool is_multiplied(const ParameterSpec& spec) {
  using Role = ParameterSpec::Role;
  return spec.role == Role::input_weight || spec.role == Role::recurrent_weight;
}

}  // namespace

template <class T>
std::vector<WeightError> narrow_weights(const Model<T>& model, WeightFormat format, std::vector<T>& flat) {
  std::vector<WeightError> errors;
  if (format == WeightFormat::full) return errors;
  std::vector<T> narrow = flat;
  std::size_t p = 0;
  for (const auto& layer : model.layers)
    for (const ParameterSpec& spec : layer->parameters()) {
      const Parameter& parameter = model.parameters[p++];
      if (!is_multiplied(spec)) continue;
      const T* given = flat.data() + parameter.offset;
      T* kept = narrow.data() + parameter.offset;
      const Index columns = spec.shape.back();
      double moved = 0, size = 0;
      for (Index row = 0; row < parameter.size; row += columns) round_row(format, kept + row, columns);
      for (Index i = 0; i < parameter.size; ++i) {
        if (!std::isfinite(given[i]))
          throw std::invalid_argument("stream: " + parameter.name + " has the value " + std::to_string(given[i]) +
                                      ", expected finite weights where they are rounded");
        moved += std::pow(double(kept[i]) - double(given[i]), 2);
        size += std::pow(double(given[i]), 2);
      }
      errors.push_back({parameter.name, size > 0 ? std::sqrt(moved / size) : 0});
    }
  flat = std::move(narrow);
  return errors;
}

template std::vector<WeightError> narrow_weights(const Model<float>&, WeightFormat, std::vector<float>&);
template std::vector<WeightError> narrow_weights(const Model<double>&, WeightFormat, std::vector<double>&);

}  // namespace recurra
