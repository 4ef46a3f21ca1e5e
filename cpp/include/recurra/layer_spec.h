// LayerSpec: the description of a layer, without numbers. A network is built from a list of them, and a file stores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace recurra {

using OptionValue = std::variant<bool, std::int64_t, double, std::string>;

struct LayerSpec {
  std::string type;
  std::map<std::string, OptionValue> options;
  std::vector<LayerSpec> children{};

  bool operator==(const LayerSpec&) const = default;
};

// Layers may lie inside layers, at most this deep, the outermost included: networks and files refuse more.
inline constexpr std::size_t max_layer_depth = 64;
// Whether layers lie deeper than that in a description.
bool is_too_deep(const LayerSpec& spec);

// "LSTM(hidden_size=32, input_size=1)"
std::string to_string(const LayerSpec& spec);

// The layers by name. Sizes are checked when a network is built.
namespace layers {

// Elman's simple recurrent network; activation "tanh", "relu" or "logistic".
LayerSpec elman(std::int64_t input_size, std::int64_t hidden_size, const std::string& activation = "tanh");
// LSTM with forget gate (Gers et al. 2000).
LayerSpec lstm(std::int64_t input_size, std::int64_t hidden_size);
// GRU with the reset gate after the product (as cuDNN and PyTorch).
LayerSpec gru(std::int64_t input_size, std::int64_t hidden_size);
// A cell of your own, by the `name` it declares; see register_cell().
LayerSpec cell(const std::string& name, std::int64_t input_size, std::int64_t hidden_size);
// y = W x + b at every step.
LayerSpec linear(std::int64_t input_size, std::int64_t output_size);
// A row of a (num_embeddings, size) table per class id; the first layer only.
LayerSpec embedding(std::int64_t num_embeddings, std::int64_t size);
// The last valid step, respectively the mean of the valid steps: (time, features) -> (features).
LayerSpec last();
LayerSpec mean();
// Zeroes elements with this probability while training and scales the others by 1 / (1 - probability).
LayerSpec dropout(double probability);
LayerSpec tanh();
LayerSpec relu();
LayerSpec logistic();

}  // namespace layers
}  // namespace recurra
