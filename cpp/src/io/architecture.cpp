#include "architecture.h"

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

namespace recurra {

namespace {

using Json = nlohmann::json;

constexpr int max_depth = 32;

[[noreturn]] void fail(const std::string& what) { throw std::invalid_argument("architecture " + what); }

Json layer_to_json(const LayerSpec& spec) {
  Json json{{"type", spec.type}};
  Json options = Json::object();
  for (const auto& [name, value] : spec.options) std::visit([&](const auto& v) { options[name] = v; }, value);
  if (!options.empty()) json["options"] = options;
  for (const LayerSpec& child : spec.children) json["layers"].push_back(layer_to_json(child));
  return json;
}

OptionValue option_from_json(const std::string& name, const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t(INT64_MAX))
    fail("has an option '" + name + "' that overflows");
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  fail("has an option '" + name + "' that is no number, text or truth value");
}

LayerSpec layer_from_json(const Json& json) {
  if (!json.is_object() || !json.contains("type") || !json["type"].is_string()) fail("has a layer without a type");
  LayerSpec spec{json["type"].get<std::string>(), {}};
  for (const auto& [key, value] : json.items()) {
    if (key == "type") continue;
    if (key == "options" && value.is_object())
      for (const auto& [name, option] : value.items()) spec.options[name] = option_from_json(name, option);
    else if (key == "layers" && value.is_array())
      for (const Json& child : value) spec.children.push_back(layer_from_json(child));
    else
      fail("has an unknown entry '" + key + "' in layer " + spec.type);
  }
  return spec;
}

}  // namespace

std::string architecture_to_json(const std::vector<LayerSpec>& layers) {
  Json json = Json::array();
  for (const LayerSpec& spec : layers) json.push_back(layer_to_json(spec));
  return json.dump();
}

std::vector<LayerSpec> architecture_from_json(const std::string& text) {
  std::vector<std::set<std::string>> keys;
  const auto strict = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > max_depth) fail("is nested deeper than " + std::to_string(max_depth));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      fail("has the key '" + parsed.get<std::string>() + "' twice");
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, strict);
  } catch (const Json::exception& error) {
    fail(std::string("is no valid JSON: ") + error.what());
  }
  if (!json.is_array()) fail("is no list of layers");
  std::vector<LayerSpec> layers;
  for (const Json& layer : json) layers.push_back(layer_from_json(layer));
  return layers;
}

}  // namespace recurra
