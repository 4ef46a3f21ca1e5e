#include "frozen.h"

#include <algorithm>

namespace recurra {

template <class T>
SharedParameters shared_online(const BasicNetwork<T>& network, const OnlineOptions& options) {
  return network.shared()->freeze(network.parameters(), options.frozen, "Online: frozen");
}

template <class T>
OnlineOptions with_all_frozen(const BasicNetwork<T>& network, OnlineOptions options) {
  options.frozen = shared_online(network, options).frozen();
  return options;
}

template <class T>
std::size_t first_learning_layer(const Model<T>& model, const std::vector<std::string>& frozen) {
  Index offset = model.parameter_offset.back();
  for (const Parameter& p : model.parameters)
    if (p.size > 0 && std::ranges::find(frozen, p.name) == frozen.end()) offset = std::min(offset, p.offset);
  std::size_t layer = 0;
  while (layer < model.layers.size() && model.parameter_offset[layer + 1] <= offset) ++layer;
  return layer;
}

OnlineOptions options_of_layer(OnlineOptions options, std::size_t layer) {
  const std::string prefix = std::to_string(layer) + ".";
  std::erase_if(options.frozen, [&](const std::string& name) { return !name.starts_with(prefix); });
  for (std::string& name : options.frozen) name.replace(0, prefix.size(), "0.");
  return options;
}

#define RECURRA_INSTANTIATE(T)                                                           \
  template SharedParameters shared_online(const BasicNetwork<T>&, const OnlineOptions&); \
  template OnlineOptions with_all_frozen(const BasicNetwork<T>&, OnlineOptions);         \
  template std::size_t first_learning_layer(const Model<T>&, const std::vector<std::string>&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
