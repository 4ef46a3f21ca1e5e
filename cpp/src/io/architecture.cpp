#include "architecture.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "error_text.h"

namespace recurra {

namespace {

using Json = nlohmann::json;

[[noreturn]] void fail(const std::string& what) { throw std::invalid_argument("architecture " + what); }

Json layer_to_json(const LayerSpec& spec) {
  Json json{{"type", spec.type}};
  Json options = Json::object();
  for (const auto& [name, value] : spec.options) std::visit([&](const auto& v) { options[name] = v; }, value);
  if (!options.empty()) json["options"] = options;
  for (const LayerSpec& child : spec.children) json["layers"].push_back(layer_to_json(child));
  return json;
}

// Builds the layers while the text is parsed. It follows the grammar of a list of layers and refuses the first thing outside
// it, so depth and memory stay bounded by the text's length, whatever the text holds.
class ArchitectureReader final : public nlohmann::json_sax<Json> {
 public:
  std::vector<LayerSpec> take() { return std::move(layers_); }

  bool null() override { refuse(); }
  bool binary(binary_t&) override { refuse(); }
  bool boolean(bool value) override { return option(value); }
  bool number_integer(number_integer_t value) override { return option(std::int64_t(value)); }
  bool number_float(number_float_t value, const string_t&) override { return option(double(value)); }

  bool number_unsigned(number_unsigned_t value) override {
    if (in_options_ && value > std::uint64_t(INT64_MAX)) fail("has an option " + quote(option_) + " that overflows");
    return option(std::int64_t(value));
  }

  bool string(string_t& value) override {
    if (in_options_ || open_.empty() || in_list() || key() != "type") return option(std::move(value));
    layer().type = std::move(value);
    return true;
  }

  bool start_object(std::size_t) override {
    if (in_list()) {
      if (open_.size() == max_layer_depth) fail("is nested deeper than " + std::to_string(max_layer_depth) + " layers");
      std::vector<LayerSpec>& list = open_.empty() ? layers_ : layer().children;
      open_.push_back({&list.emplace_back(), {}, {}});  // lists of open layers do not grow: the pointers stay
      list_ = false;
    } else if (!open_.empty() && !in_options_ && key() == "options") {
      in_options_ = true;
    } else {
      refuse();
    }
    return true;
  }

  bool key(string_t& key) override {
    const bool is_new = in_options_ ? layer().options.try_emplace(key).second : open_.back().keys.insert(key).second;
    if (!is_new) fail("has the key " + quote(key) + " twice in " + place());
    if (in_options_) {
      option_ = std::move(key);
    } else {
      if (key != "type" && key != "options" && key != "layers") fail("has an unknown entry " + quote(key) + " in " + place());
      open_.back().key = std::move(key);
    }
    return true;
  }

  bool end_object() override {
    if (std::exchange(in_options_, false)) return true;
    if (!open_.back().keys.count("type")) fail("has a layer without a type: " + place());
    open_.pop_back();
    list_ = true;
    return true;
  }

  bool start_array(std::size_t) override {
    const bool outermost = open_.empty() && !list_;
    if (!outermost && (open_.empty() || list_ || in_options_ || key() != "layers")) refuse();
    list_ = true;
    return true;
  }

  bool end_array() override {
    list_ = false;
    return true;
  }

  // The library's own message would repeat the text it stumbled over, at any length.
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    fail("is no valid JSON near its byte " + std::to_string(position));
  }

 private:
  struct Open {
    LayerSpec* layer;
    std::set<std::string> keys;
    std::string key;
  };

  LayerSpec& layer() { return *open_.back().layer; }
  const std::string& key() const { return open_.back().key; }
  bool in_list() const { return list_; }

  std::string place() const {
    return (open_.size() > 1 ? "a layer inside layer " : "layer ") + std::to_string(layers_.size() - 1);
  }

  bool option(OptionValue value) {
    if (!in_options_) refuse();
    layer().options[option_] = std::move(value);
    return true;
  }

  [[noreturn]] void refuse() const {
    if (in_options_) fail("has an option " + quote(option_) + " that is no number, text or truth value");
    if (open_.empty() && !list_) fail("is no list of layers");
    if (list_ || key() == "type") fail("has a layer without a type" + (open_.empty() ? std::string() : ": " + place()));
    fail("has an entry " + quote(key()) + " in " + place() + " that is no " + (key() == "options" ? "object" : "list of layers"));
  }

  std::vector<LayerSpec> layers_;
  std::vector<Open> open_;   // from the outermost layer to the innermost
  bool list_ = false;        // between the layers of a list, the innermost open layer's or the network's
  bool in_options_ = false;  // of the innermost open layer
  std::string option_;
};

}  // namespace

std::string architecture_to_json(const std::vector<LayerSpec>& layers) {
  Json json = Json::array();
  for (const LayerSpec& spec : layers) json.push_back(layer_to_json(spec));
  return json.dump();
}

std::vector<LayerSpec> architecture_from_json(const std::string& text) {
  // The parser would skip a byte order mark and take a NUL for the end, with anything behind it.
  if (text.find('\0') != text.npos || text.starts_with("\xEF\xBB\xBF")) fail("is no valid JSON: it has a NUL or byte order mark");
  ArchitectureReader reader;
  Json::sax_parse(text, &reader);
  return reader.take();
}

}  // namespace recurra
