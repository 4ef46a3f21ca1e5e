#include "oracle.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <typeinfo>

#include "json.h"

namespace fuzz {

namespace {

using namespace recurra;
using Kind = Json::Kind;

struct Difference : std::logic_error {
  using std::logic_error::logic_error;
};
void require(bool right, const std::string& what) {
  if (!right) throw Difference(what);
}

const std::string& text_of(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  require(value && value->kind == Kind::text, "no text '" + std::string(key) + "'");
  return value->text;
}

template <class Integer>
Integer integer_of(const Json& json) {
  Integer value{};
  const char* const end = json.text.data() + json.text.size();
  require(json.kind == Kind::raw && std::from_chars(json.text.data(), end, value) == std::from_chars_result{end, std::errc()},
          "'" + json.text + "' is no integer in range");
  return value;
}

void check_option(const Json& json, const OptionValue& value) {
  if (json.kind == Kind::text) return require(value == OptionValue(json.text), "another text option");
  require(json.kind == Kind::raw && json.text != "null", "an option that is no scalar");
  if (json.text == "true" || json.text == "false")
    return require(value == OptionValue(json.text == "true"), "another truth value");
  std::int64_t integer{};
  const char* const end = json.text.data() + json.text.size();
  if (std::from_chars(json.text.data(), end, integer) == std::from_chars_result{end, std::errc()})
    return require(value == OptionValue(integer), "another integer option");
  require(value == OptionValue(std::strtod(json.text.c_str(), nullptr)), "another number option");
}

void check_layers(const Json& list, const std::vector<LayerSpec>& layers) {
  require(list.kind == Kind::list && list.items.size() == layers.size(), "another number of layers");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Json& json = list.items[i];
    require(text_of(json, "type") == layers[i].type, "another type");
    const Json *options = json.find("options"), *children = json.find("layers");
    require(json.keys.size() == 1u + (options != nullptr) + (children != nullptr), "an unused entry of a layer");
    require(!options || options->kind == Kind::object, "options that are no object");
    require((options ? options->items.size() : 0) == layers[i].options.size(), "another number of options");
    for (const auto& [name, value] : layers[i].options) {
      require(options->find(name) != nullptr, "another option");
      check_option(*options->find(name), value);
    }
    if (children || !layers[i].children.empty()) check_layers(children ? *children : Json{Kind::list}, layers[i].children);
  }
}

template <class T>
void check_tensors(const Json& header, std::string_view data, const BasicNetwork<T>& network) {
  const std::string dtype = sizeof(T) == 4 ? "F32" : "F64";
  require(header.items.size() == network.parameters().size() + 1, "another number of tensors");
  std::vector<int> owners(data.size());
  for (const Parameter& parameter : network.parameters()) {
    const Json* entry = header.find(parameter.name);
    require(entry && entry->kind == Kind::object && entry->keys.size() == 3, "no entry of three fields for " + parameter.name);
    require(text_of(*entry, "dtype") == dtype, "another dtype of " + parameter.name);
    const Json *shape = entry->find("shape"), *offsets = entry->find("data_offsets");
    require(shape && shape->kind == Kind::list && shape->items.size() == parameter.shape.size(), "another rank");
    std::uint64_t size = sizeof(T);
    for (std::size_t i = 0; i < parameter.shape.size(); ++i) {
      require(integer_of<std::int64_t>(shape->items[i]) == parameter.shape[i], "another shape of " + parameter.name);
      require(!__builtin_mul_overflow(size, static_cast<std::uint64_t>(parameter.shape[i]), &size), "a size that overflows");
    }
    require(offsets && offsets->kind == Kind::list && offsets->items.size() == 2, "no two offsets");
    const auto begin = integer_of<std::uint64_t>(offsets->items[0]), end = integer_of<std::uint64_t>(offsets->items[1]);
    require(begin <= end && end <= data.size() && end - begin == size, "offsets that do not fit");
    for (std::uint64_t i = begin; i < end; ++i) ++owners[i];
    require(std::memcmp(network.flat().data() + parameter.offset, data.data() + begin, size) == 0, "other bytes in a tensor");
  }
  require(std::all_of(owners.begin(), owners.end(), [](int count) { return count == 1; }), "a hole or an overlap");
}

// Groups as a file has them.
std::string written(const std::vector<std::vector<std::string>>& groups, const char* between = " = ") {
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i)
    for (std::size_t j = 0; j < groups[i].size(); ++j) text += (j > 0 ? between : i > 0 ? ", " : "") + groups[i][j];
  return text;
}

template <class T>
void check(std::string_view bytes, const BasicNetwork<T>& network) {
  std::uint64_t length = 0;
  require(bytes.size() >= 8, "no header length");
  std::memcpy(&length, bytes.data(), 8);
  require(length <= bytes.size() - 8, "a header beyond the file");
  std::string_view text = bytes.substr(8, length);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const std::optional<Json> header = text.starts_with('{') && text.ends_with('}') ? parse(text) : std::nullopt;
  require(header.has_value(), "a header that is not one JSON object without repeated keys");
  const Json* metadata = header->find("__metadata__");
  require(metadata != nullptr, "no metadata");
  const Json *tied = metadata->find("tied"), *frozen = metadata->find("frozen");
  require(metadata->keys.size() == 4u + (tied != nullptr) + (frozen != nullptr),
          "no metadata of four entries and two that may be");
  require((tied ? text_of(*metadata, "tied") : "") == written(network.tied()), "other tied parameters");
  require((frozen ? text_of(*metadata, "frozen") : "") == written({network.frozen()}, ", "), "other frozen parameters");
  require((tied != nullptr) != network.tied().empty() && (frozen != nullptr) != network.frozen().empty(), "an empty entry");
  require(text_of(*metadata, "format") == "recurra" && text_of(*metadata, "version") == "1", "another format");
  require(text_of(*metadata, "dtype") == (sizeof(T) == 4 ? "F32" : "F64"), "another dtype");
  const std::optional<Json> layers = parse(text_of(*metadata, "architecture"));
  require(layers.has_value(), "an architecture that is no JSON without repeated keys");
  check_layers(*layers, network.layers());
  check_tensors(*header, bytes.substr(8 + length), network);

  const std::vector<char> saved = to_bytes(network);
  const AnyNetwork again = from_bytes(saved);
  const auto* same = std::get_if<BasicNetwork<T>>(&again);
  require(same && same->layers() == network.layers() && same->flat().size() == network.flat().size() &&
              std::memcmp(same->flat().data(), network.flat().data(), network.flat().size_bytes()) == 0 &&
              to_bytes(*same) == saved,
          "another network after saving and loading");
}

}  // namespace

std::string difference(std::string_view bytes, const AnyNetwork& network) try {
  std::visit([&](const auto& known) { check(bytes, known); }, network);
  return "";
} catch (const Difference& error) {
  return std::string("accepted a file with ") + error.what();
}

std::string bad_message(const std::exception& error) {
  const std::string_view what = error.what();
  if (typeid(error) != typeid(std::runtime_error)) return std::string("threw ") + typeid(error).name() + ": " + error.what();
  const bool plain = std::all_of(what.begin(), what.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!what.starts_with("load: bytes: ") || what.size() > 3000 || !plain) return "an unfit message: " + std::string(what);
  return "";
}

}  // namespace fuzz
