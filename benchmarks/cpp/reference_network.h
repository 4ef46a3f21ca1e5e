// The reference steps of a network's layers, one behind the other.
#pragma once

#include <recurra/network.h>

#include <cmath>
#include <memory>
#include <vector>

#include "kernels.h"
#include "pages.h"

namespace benchmark {

class ReferenceNetwork {
 public:
  // `choice` picks the width of the registers, from the narrowest; null where a layer has no such step.
  static std::unique_ptr<ReferenceNetwork> make(recurra::Network& network, const Kernels& kernels, int choice) {
    auto result = std::make_unique<ReferenceNetwork>();
    for (std::size_t i = 0; i < network.layers().size(); ++i)
      if (!result->add(network, i, kernels, choice)) return nullptr;
    return result;
  }

  int lanes() const { return layers_.back().step.lanes; }

  void step(const float* x, float* y) {
    for (Layer& layer : layers_) {
      float* to = &layer == &layers_.back() ? y : layer.y.get();
      layer.step.run(layer.memory.get(), x, to);
      x = to;
    }
  }

 private:
  struct Layer {
    recurra::Reference step;
    Pages memory, y;
  };

  bool add(recurra::Network& network, std::size_t index, const Kernels& kernels, int choice) {
    const recurra::LayerSpec& spec = network.layers()[index];
    if (spec.type != "LSTM" && spec.type != "GRU" && spec.type != "Elman") return false;
    const auto size = [&](const char* name) { return int(std::get<std::int64_t>(spec.options.at(name))); };
    const int units = size("hidden_size");
    recurra::Reference found[recurra::most_references];
    if (kernels.references(spec.type.c_str(), size("input_size"), units, found) <= choice) return false;
    const recurra::Reference& step = found[choice];
    Layer layer{step, pages((step.bytes + 3) / 4), pages(std::size_t(units))};
    const auto parameter = [&](const char* name) { return network.parameter(std::to_string(index) + "." + name).data(); };
    step.pack(layer.memory.get(), parameter("weight_ih"), parameter("weight_hh"), parameter("bias"));
    layers_.push_back(std::move(layer));
    return true;
  }

  std::vector<Layer> layers_;
};

}  // namespace benchmark
