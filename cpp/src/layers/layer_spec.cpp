#include "recurra/layer_spec.h"

#include <sstream>

#include "cutoffs.h"

namespace recurra {

namespace {
// Does not look below the limit, however deep the layers lie.
bool is_deeper(const LayerSpec& spec, std::size_t limit) {
  if (limit == 0) return true;
  for (const LayerSpec& child : spec.children)
    if (is_deeper(child, limit - 1)) return true;
  return false;
}
}  // namespace

bool is_too_deep(const LayerSpec& spec) { return is_deeper(spec, max_layer_depth); }

std::string to_string(const LayerSpec& spec) {
  std::ostringstream text;
  text << spec.type << '(' << std::boolalpha;
  const char* separator = "";
  for (const LayerSpec& child : spec.children) {
    text << separator << to_string(child);
    separator = ", ";
  }
  for (const auto& [name, value] : spec.options) {
    text << separator << name << '=';
    std::visit([&](const auto& v) { text << v; }, value);
    separator = ", ";
  }
  text << ')';
  return text.str();
}

namespace layers {

LayerSpec cell(const std::string& type, std::int64_t input_size, std::int64_t hidden_size, const Options& options) {
  LayerSpec spec{type, options};
  spec.options["input_size"] = input_size;
  spec.options["hidden_size"] = hidden_size;
  return spec;
}
LayerSpec elman(std::int64_t input_size, std::int64_t hidden_size, const std::string& activation, const Options& options) {
  LayerSpec spec = cell("Elman", input_size, hidden_size, options);
  spec.options["activation"] = activation;
  return spec;
}
LayerSpec fully_recurrent(std::int64_t input_size, std::int64_t hidden_size, std::int64_t output_size,
                          const std::string& activation, const Options& options) {
  LayerSpec spec = cell("FullyRecurrent", input_size, hidden_size, options);
  spec.options["activation"] = activation;
  spec.options["output_size"] = output_size;
  return spec;
}
LayerSpec lstm(std::int64_t input_size, std::int64_t hidden_size, const Options& options) {
  return cell("LSTM", input_size, hidden_size, options);
}
LayerSpec gru(std::int64_t input_size, std::int64_t hidden_size, const std::string& reset, const Options& options) {
  LayerSpec spec = cell("GRU", input_size, hidden_size, options);
  spec.options["reset"] = reset;
  return spec;
}
LayerSpec linear(std::int64_t input_size, std::int64_t output_size, bool bias) {
  LayerSpec spec{"Linear", {{"input_size", input_size}, {"output_size", output_size}}};
  if (!bias) spec.options["bias"] = false;
  return spec;
}
LayerSpec tree(const LayerSpec& cell, const Options& options) { return {"Tree", options, {cell}}; }
LayerSpec graph_net(const LayerSpec& cell, const LayerSpec& message, std::int64_t rounds, const Options& options) {
  LayerSpec spec{"GraphNet", options, {cell, message}};
  spec.options["rounds"] = rounds;
  return spec;
}
LayerSpec by_type(std::int64_t state_size, std::int64_t message_size, std::int64_t num_types, bool bias) {
  LayerSpec spec = linear(state_size, message_size, bias);
  spec.type = "ByType";
  spec.options["num_types"] = num_types;
  return spec;
}
LayerSpec edge_net(std::int64_t state_size, std::int64_t message_size, std::int64_t edge_size, std::vector<LayerSpec> net) {
  LayerSpec spec = linear(state_size, message_size);
  spec.type = "EdgeNet";
  spec.options["edge_size"] = edge_size;
  spec.children = std::move(net);
  return spec;
}
LayerSpec mlp(std::int64_t state_size, std::int64_t hidden_size, std::vector<LayerSpec> net, std::int64_t edge_size) {
  LayerSpec spec{"MLP", {{"input_size", state_size}, {"hidden_size", hidden_size}}, std::move(net)};
  if (edge_size > 0) spec.options["edge_size"] = edge_size;
  return spec;
}
LayerSpec readout(const std::string& pool, std::int64_t size) {
  LayerSpec spec{"Readout", {{"pool", pool}}};
  if (size > 0) spec.options["size"] = size;
  return spec;
}
LayerSpec embedding(std::int64_t num_embeddings, std::int64_t size) {
  return {"Embedding", {{"num_embeddings", num_embeddings}, {"size", size}}};
}
LayerSpec adaptive_softmax(std::int64_t input_size, std::int64_t num_classes, const std::vector<std::int64_t>& cutoffs,
                           double div_value) {
  LayerSpec spec{"AdaptiveSoftmax", {{"input_size", input_size}, {"num_classes", num_classes}}};
  if (!cutoffs.empty()) spec.options["cutoffs"] = cutoffs_to_text(cutoffs);
  if (div_value != 4.0) spec.options["div_value"] = div_value;
  return spec;
}
LayerSpec last() { return {"Last", {}}; }
LayerSpec mean() { return {"Mean", {}}; }
LayerSpec max() { return {"Max", {}}; }
LayerSpec dropout(double probability, bool per_sequence) {
  LayerSpec spec{"Dropout", {{"probability", probability}}};
  if (per_sequence) spec.options["per_sequence"] = true;
  return spec;
}
LayerSpec tanh() { return {"Tanh", {}}; }
LayerSpec relu() { return {"Relu", {}}; }
LayerSpec logistic() { return {"Logistic", {}}; }
LayerSpec delay(std::int64_t steps, const Options& options) {
  LayerSpec spec{"Delay", options};
  spec.options["steps"] = steps;
  return spec;
}
LayerSpec encoder_decoder(std::vector<LayerSpec> encoder, std::vector<LayerSpec> decoder, const Options& options) {
  return {"EncoderDecoder", options, {chain(std::move(encoder)), chain(std::move(decoder))}};
}
LayerSpec dot_attention() { return {"Attention", {{"score", std::string("dot")}}}; }
LayerSpec additive_attention(std::int64_t size) { return {"Attention", {{"score", std::string("additive")}, {"size", size}}}; }
LayerSpec chain(std::vector<LayerSpec> net) { return {"Chain", {}, std::move(net)}; }
LayerSpec feedback(std::vector<LayerSpec> net, std::int64_t delays, std::int64_t fed) {
  LayerSpec spec{"Feedback", {{"delays", delays}}, std::move(net)};
  if (fed > 0) spec.options["fed"] = fed;
  return spec;
}
LayerSpec stack_memory(std::int64_t depth, std::int64_t width, std::int64_t stacks) {
  return {"StackMemory", {{"depth", depth}, {"width", width}, {"stacks", stacks}}};
}
LayerSpec ntm_memory(std::int64_t locations, std::int64_t width, const Options& options) {
  LayerSpec spec{"NTMMemory", options};
  spec.options["locations"] = locations;
  spec.options["width"] = width;
  return spec;
}
LayerSpec bidirectional(const LayerSpec& forward, const LayerSpec& reverse) { return {"Bidirectional", {}, {forward, reverse}}; }
LayerSpec bidirectional(const LayerSpec& layer) { return bidirectional(layer, layer); }
LayerSpec residual(std::vector<LayerSpec> net) { return {"Residual", {}, std::move(net)}; }
LayerSpec skip(std::vector<LayerSpec> net) { return {"Skip", {}, std::move(net)}; }

}  // namespace layers
}  // namespace recurra
