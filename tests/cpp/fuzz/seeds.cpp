#include "seeds.h"

#include <set>
#include <stdexcept>

#include "recurra/cell_registry.h"
#include "recurra/model_file.h"

namespace fuzz {

namespace {

using namespace recurra;
using namespace recurra::layers;

OptionValue parse(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  if (text.find_first_not_of("0123456789") == std::string::npos) return std::int64_t(std::stoll(text));
  return text;
}

// "GRU(reset=after)": the type and the options that make the variant.
LayerSpec cell_layer(const std::string& name, std::int64_t inputs, std::int64_t units) {
  const std::size_t open = name.find('(');
  LayerSpec spec = cell(name.substr(0, open), inputs, units);
  for (std::size_t at = open; at < name.size();) {
    const std::size_t equals = name.find('=', at), end = name.find_first_of(",)", equals);
    const std::size_t begin = name.find_first_not_of("(, ", at);
    spec.options[name.substr(begin, equals - begin)] = parse(name.substr(equals + 1, end - equals - 1));
    at = name[end] == ',' ? end : name.size();
  }
  if (spec.type == "LeakyElman") spec.options["leak"] = 0.5;
  return spec;
}

std::vector<std::vector<LayerSpec>> architectures() {
  std::vector<std::vector<LayerSpec>> all{{linear(1, 1)},
                                          {embedding(3, 2), mean(), layers::tanh(), linear(2, 1)},
                                          {linear(2, 3), relu(), logistic(), dropout(0.25), last()},
                                          {linear(2, 1), layers::max()},
                                          {gru(2, 3), adaptive_softmax(3, 6, {1, 4}, 1.5)}};
  for (const std::string& name : cell_names()) all.push_back({cell_layer(name, 2, 3)});
  all.push_back({bidirectional(gru(2, 2), skip({residual({linear(2, 2)}), logistic()})), linear(6, 1)});
  all.push_back({delay(2, {{"input_size", std::int64_t(2)}, {"dilation", std::int64_t(3)}, {"present", false}}),
                 chain({linear(4, 2)}), feedback({linear(5, 1)}, 3)});
  all.push_back({encoder_decoder({embedding(3, 2), bidirectional(gru(2, 1))},
                                 {embedding(4, 2), gru(2, 2), dot_attention(), additive_attention(2), linear(6, 3)},
                                 {{"start", std::int64_t(3)}, {"end", std::int64_t(0)}})});
  all.push_back({tree(lstm(2, 2), {{"arity", std::int64_t(2)}, {"bilinear", true}}), tree(gru(2, 2), {{"direction", "down"}}),
                 readout("gated", 2)});
  all.push_back({graph_net(gru(2, 3), by_type(3, 2, 2), 2, {{"shared", false}, {"aggregation", "mean"}}), readout("max")});
  all.push_back({graph_net(elman(2, 3), edge_net(3, 2, 2, {linear(2, 2)}), 2, {{"attention", true}}),
                 graph_net(elman(5, 3), mlp(3, 4, {layers::tanh(), linear(4, 2)}, 2), 1, {{"features", "input"}})});
  all.push_back(
      {feedback({elman(3, 2), stack_memory(2, 1)}, 1, 1), linear(3, 2), ntm_memory(3, 2, {{"read_heads", std::int64_t(2)}})});
  all.push_back({encoder_decoder({elman(1, 2)}, {lstm(2, 1), linear(1, 2)}, {{"bridge", "linear"}})});
  all.push_back({lstm(2, 4, {{"layer_norm", true}, {"zoneout_c", 0.5}, {"projection", 2}, {"learned_initial_state", true}}),
                 fully_recurrent(2, 4, 1, "relu", {{"heads", 2}, {"recurrent_dropout", 0.25}})});
  return all;
}

void collect_types(const LayerSpec& layer, std::set<std::string>& types) {
  types.insert(layer.type);
  for (const LayerSpec& inside : layer.children) collect_types(inside, types);
}

std::string file(const std::vector<LayerSpec>& layers, bool wide) {
  const std::vector<char> bytes = wide ? to_bytes(BasicNetwork<double>(layers, 1)) : to_bytes(Network(layers, 1));
  from_bytes(bytes);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<std::string> known_types() try {
  const Network network(std::vector<LayerSpec>{{"?", {}}});
  throw std::logic_error("seeds: a layer of type '?' is known");
} catch (const std::invalid_argument& error) {  // its message lists them
  const std::string what = error.what(), before = "expected one of ";
  std::vector<std::string> types(1);
  int depth = 0;
  for (const char c : what.substr(what.find(before) + before.size())) {
    depth += (c == '(') - (c == ')');
    if (c == ',' && depth == 0)
      types.emplace_back();
    else if (depth == 0 && c != ' ' && c != ')')
      types.back() += c;
  }
  return types;
}

std::vector<std::string> seeds() {
  std::vector<std::string> files;
  std::set<std::string> seen;
  for (const std::vector<LayerSpec>& layers : architectures()) {
    for (const LayerSpec& layer : layers) collect_types(layer, seen);
    for (const bool wide : {false, true}) files.push_back(file(layers, wide));
  }
  Network shared({elman(2, 2), elman(2, 2), linear(2, 2)}, 1);
  shared.tie({"1.weight_hh", "0.weight_hh", "2.weight"});
  shared.tie({"0.bias", "2.bias"});
  shared.freeze({"1.bias", "2.bias"});
  const std::vector<char> bytes = to_bytes(shared);
  files.emplace_back(bytes.begin(), bytes.end());
  for (const std::string& type : known_types())
    if (!seen.count(type))
      throw std::logic_error("seeds: no network has a layer of type " + type + ", add one to architectures()");
  return files;
}

}  // namespace fuzz
