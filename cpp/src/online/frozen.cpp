#include "frozen.h"

#include <algorithm>
#include <stdexcept>

namespace recurra {

template <class T>
std::vector<FrozenRange> frozen_ranges(const Model<T>& model, const std::vector<std::string>& names) {
  std::vector<FrozenRange> ranges;
  for (const std::string& name : names) {
    const std::size_t before = ranges.size();
    for (const Parameter& p : model.parameters)
      if (p.name == name || p.name.starts_with(name + ".")) ranges.push_back({p.offset, p.offset + p.size});
    if (ranges.size() == before) throw std::invalid_argument("Online: frozen: the network has no parameter '" + name + "'");
  }
  return ranges;
}

template <class T>
std::size_t first_learning_layer(const Model<T>& model, const std::vector<std::string>& names) {
  const std::vector<FrozenRange> frozen = frozen_ranges(model, names);
  const auto rests = [&](const Parameter& p) {
    return std::ranges::any_of(frozen, [&](const FrozenRange& r) { return r.begin <= p.offset && p.offset < r.end; });
  };
  Index offset = model.parameter_offset.back();
  for (const Parameter& p : model.parameters)
    if (p.size > 0 && !rests(p)) offset = std::min(offset, p.offset);
  std::size_t layer = 0;
  while (layer < model.layers.size() && model.parameter_offset[layer + 1] <= offset) ++layer;
  return layer;
}

#define RECURRA_INSTANTIATE(T)                                                                             \
  template std::vector<FrozenRange> frozen_ranges(const Model<T>&, const std::vector<std::string>& names); \
  template std::size_t first_learning_layer(const Model<T>&, const std::vector<std::string>& names);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
