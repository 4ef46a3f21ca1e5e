#include "mutator.h"

#include <cstring>

#include "seeds.h"

namespace fuzz {

namespace {

using Kind = Json::Kind;

const char* const numbers[] = {"0",
                               "-0",
                               "1",
                               "-1",
                               "2",
                               "3",
                               "4",
                               "8",
                               "1.0",
                               "0.5",
                               "1e0",
                               "1e5",
                               "-1e-5",
                               "1e308",
                               "1e309",
                               "-1e999",
                               "1e-999",
                               "NaN",
                               "Infinity",
                               "-inf",
                               "0x10",
                               "01",
                               "+1",
                               ".5",
                               "1.",
                               "65536",
                               "16777216",
                               "16777217",
                               "2147483647",
                               "2147483648",
                               "4294967296",
                               "3037000500",
                               "1099511627776",
                               "1152921504606846976",
                               "2305843009213693952",
                               "4611686018427387904",
                               "9223372036854775807",
                               "9223372036854775808",
                               "-9223372036854775808",
                               "-9223372036854775809",
                               "18446744073709551615",
                               "18446744073709551616",
                               "340282366920938463463374607431768211456"};

const char* const words[] = {"",        "F32",    "F64",      "F16",          "type",      "Linear",
                             "recurra", "0.bias", "0.weight", "__metadata__", "input_size"};

// No UTF-8, what a parser may skip, and what may end a text.
const std::string odd_bytes[] = {"\xFF",     "\xC0\x80",         "\xED\xA0\x80",        "\xF4\x90\x80\x80",
                                 "\xE2\x82", "\xEF\xBB\xBF",     std::string(1, '\0'),  "\x01",
                                 "\n",       "\xF0\x9F\x8E\xB5", std::string(500, 'x'), "\"",
                                 "\\"};

void collect(Json& json, std::vector<Json*>& all) {
  all.push_back(&json);
  for (Json& item : json.items) collect(item, all);
}

void erase(Json& json, std::size_t at) {
  json.items.erase(json.items.begin() + static_cast<std::ptrdiff_t>(at));
  if (json.kind == Kind::object) json.keys.erase(json.keys.begin() + static_cast<std::ptrdiff_t>(at));
}

void append(Json& json, const std::string& key, Json value) {
  if (json.kind == Kind::object) json.keys.push_back(key);
  json.items.push_back(std::move(value));
}

std::uint64_t number_in(const Json& json) { return std::strtoull(json.text.c_str(), nullptr, 10); }

}  // namespace

Draft take_apart(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  Draft draft{*parse(bytes.substr(8, length)), {}, bytes.substr(8 + length)};
  draft.architecture = *parse(draft.header.find("__metadata__")->find("architecture")->text);
  return draft;
}

std::string assemble(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string Mutator::odd_number() {
  if (below(4) > 0) return any(numbers);
  return std::to_string(below(3) ? below(100) : random_() >> below(64));
}

Json Mutator::odd_value() {
  switch (below(12)) {
    case 0: return raw(below(2) ? "true" : "null");
    case 1: return {below(2) ? Kind::list : Kind::object};
    case 2: return text(any(odd_bytes));
    case 3: return raw(std::string(below(20) ? 200 : 100'000, "[{"[below(2)]));
    case 4: return raw(std::string(200, '[') + std::string(200, ']'));
    case 5: return {Kind::list, "", {}, std::vector<Json>(below(200), raw("1"))};
    case 6:
    case 7: return text(any(words));
    default: return raw(odd_number());
  }
}

void Mutator::change_tree(Json& tree) {
  std::vector<Json*> all;
  collect(tree, all);
  Json& json = *any(all);
  const std::size_t at = json.items.empty() ? 0 : below(json.items.size());
  if (json.items.empty() || below(4) == 0) {
    if (json.kind == Kind::text && below(2))
      json.text.insert(below(json.text.size() + 1), any(odd_bytes));
    else
      json = odd_value();
    return;
  }
  Json& other = *any(all);
  switch (below(6)) {
    case 0: return erase(json, at);
    case 1: return append(json, any(words), odd_value());
    case 2: return append(json, json.kind == Kind::object ? json.keys[at] : "", Json(json.items[at]));  // twice
    case 3: return append(json, json.kind == Kind::object ? json.keys[at] : "", odd_value());
    case 4:
      if (json.kind == Kind::object) json.keys[at] = below(2) ? any(words) : json.keys[at] + any(odd_bytes);
      return;
    default: json.items[at] = Json(other);
  }
}

Json* Mutator::tensor(Draft& draft) {
  std::vector<Json*> tensors;
  for (std::size_t i = 0; i < draft.header.items.size(); ++i)
    if (draft.header.items[i].find("data_offsets") && draft.header.items[i].find("shape"))
      tensors.push_back(&draft.header.items[i]);
  return tensors.empty() ? nullptr : any(tensors);
}

void Mutator::change_offsets(Draft& draft) {
  Json *const first = tensor(draft), *const second = tensor(draft);
  if (!first) return;
  Json &one = *first->find("data_offsets"), &two = *second->find("data_offsets");
  if (one.items.size() != 2 || two.items.size() != 2) return;
  const std::uint64_t step = below(3) ? 4 : random_() >> below(64);
  switch (below(6)) {
    case 0: return std::swap(one, two);
    case 1: one = two; return;
    case 2: return std::swap(one.items[0], one.items[1]);
    case 3: one.items[below(2)] = raw(odd_number()); return;
    case 4: one.items[below(2)] = raw(std::to_string(number_in(one.items[below(2)]) + (below(2) ? step : 0 - step))); return;
    default:  // moved as a whole, round the circle of 64 bits too
      for (Json& item : one.items) item = raw(std::to_string(number_in(item) + step));
      if (below(2)) draft.data.insert(below(draft.data.size() + 1), step < 100 ? step : 4, 'h');
  }
}

void Mutator::change_tensor(Draft& draft) {
  if (below(2)) return change_offsets(draft);
  Json* const entry = tensor(draft);
  if (!entry) return;
  Json& shape = *entry->find("shape");
  switch (below(7)) {
    case 0:
      if (!shape.items.empty()) any(shape.items) = raw(odd_number());
      return;
    case 1: return append(shape, "", raw(odd_number()));
    case 2:
      if (shape.items.size() > 1) std::swap(shape.items.front(), shape.items.back());
      return;
    case 3: shape = {Kind::list, "", {}, {raw("4294967296"), raw("4294967296"), raw(below(2) ? "0" : "1")}}; return;
    case 4:
      if (entry->find("dtype")) *entry->find("dtype") = text(any(words));
      return;
    case 5: {  // one more tensor, with data of its own
      const std::size_t size = 4 * below(3);
      Json extra = *entry;
      *extra.find("shape") = {Kind::list, "", {}, {raw(std::to_string(size / 4))}};
      *extra.find("data_offsets") = {
          Kind::list, "", {}, {raw(std::to_string(draft.data.size())), raw(std::to_string(draft.data.size() + size))}};
      draft.data.append(size, 'e');
      return append(draft.header, below(2) ? "9.weight" : any(draft.header.keys), extra);
    }
    default:
      if (below(2))
        draft.data.append(1 + below(9), 't');
      else
        draft.data.resize(below(draft.data.size() + 1));
  }
}

void Mutator::change_layers(Draft& draft) {
  static const std::vector<std::string> types = known_types();
  if (draft.architecture.items.empty()) return;
  Json& layer = any(draft.architecture.items);
  Json* const options = layer.find("options");
  switch (below(7)) {
    case 0:
      if (layer.find("type")) *layer.find("type") = text(any(types));
      return;
    case 1:
    case 2:
      if (options && !options->items.empty()) any(options->items) = raw(odd_number());
      return;
    case 3: {  // layers inside layers
      for (std::size_t depth = below(4) ? below(100) : 63 + below(3); depth > 0; --depth) {
        Json outer = Json{Kind::object};
        append(outer, "type", text(any(types)));
        append(outer, "layers", {Kind::list, "", {}, {layer}});
        layer = std::move(outer);
      }
      return;
    }
    case 4: {
      const Json copy = layer;
      return append(draft.architecture, "", copy);
    }
    case 5: {  // many layers in little text
      Json small = Json{Kind::object};
      append(small, "type", text(any(types)));
      const std::vector<Json> many(below(300), small);
      Json list{Kind::list, "", {}, many};
      if (below(2)) return append(layer, "layers", list);
      for (const Json& item : many) append(draft.architecture, "", item);
      return;
    }
    default: return std::swap(layer, any(draft.architecture.items));
  }
}

void Mutator::change_metadata(Draft& draft) {
  Json* const metadata = draft.header.find("__metadata__");
  if (!metadata || metadata->items.empty()) return;
  Json& value = any(metadata->items);
  switch (below(4)) {
    case 0: value.text += any(odd_bytes); return;
    case 1: value.text = any(odd_bytes) + value.text; return;
    case 2: value = text(any(words)); return;
    default: return append(*metadata, any(words), text(any(words)));
  }
}

void Mutator::change(Draft& draft) {
  switch (below(6)) {
    case 0: return change_tree(draft.header);
    case 1: return change_tree(draft.architecture);
    case 2: return change_layers(draft);
    case 3: return change_metadata(draft);
    default: return change_tensor(draft);
  }
}

void Mutator::change_blindly(std::string& bytes, std::size_t begin) {
  static const std::string likely = R"({}[]",:0123456789-.e\ FtunN)";
  if (bytes.size() <= begin) return;
  const std::size_t at = begin + below(bytes.size() - begin), count = 1 + below(9);
  switch (below(8)) {
    case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); return;
    case 1: bytes[at] = static_cast<char>(random_()); return;
    case 2: bytes[at] = any(likely); return;
    case 3: bytes.erase(at, count); return;
    case 4: bytes.insert(at, 1, any(likely)); return;
    case 5: bytes.insert(at, bytes.substr(at, count)); return;
    case 6: bytes.insert(at, any(odd_bytes)); return;
    default: {
      const std::string& other = any(seeds_);
      bytes = bytes.substr(0, at) + other.substr(below(other.size()));
    }
  }
}

std::string Mutator::wrong() {
  Draft draft = take_apart(any(seeds_));
  const std::size_t kind = below(10);
  for (std::size_t i = kind < 7 ? 1 + below(3) : 0; i > 0; --i) change(draft);
  Json* const metadata = draft.header.find("__metadata__");
  if (Json* const place = metadata ? metadata->find("architecture") : nullptr; place && place->kind == Kind::text) {
    // What change_metadata put around the text stays there.
    const std::string old = write(take_apart(any(seeds_)).architecture);
    std::string layers = write(draft.architecture);
    if (kind == 7) change_blindly(layers, 0);
    if (const std::size_t at = place->text.find('['); at != std::string::npos && place->text.rfind(']') != std::string::npos)
      place->text = place->text.substr(0, at) + layers + place->text.substr(place->text.rfind(']') + 1);
  }
  std::string header = write(draft.header);
  if (kind == 8)
    for (std::size_t i = 1 + below(3); i > 0; --i) change_blindly(header, 0);
  if (below(4)) header.append(below(9), ' ');
  std::string bytes = assemble(header, draft.data);
  if (kind == 9)
    for (std::size_t i = 1 + below(3); i > 0; --i) change_blindly(bytes, 0);
  if (below(50) == 0) {
    const std::uint64_t length = below(2) ? random_() >> below(64) : std::strtoull(any(numbers), nullptr, 10);
    std::memcpy(bytes.data(), &length, std::min<std::size_t>(8, bytes.size()));
  }
  return bytes;
}

void Mutator::shuffle(Json& object) {
  for (std::size_t i = object.items.size(); i > 1; --i) {
    const std::size_t j = below(i);
    std::swap(object.items[i - 1], object.items[j]);
    std::swap(object.keys[i - 1], object.keys[j]);
  }
}

// Another order of members wherever order means nothing.
void Mutator::rewrite(Json& json) {
  if (json.kind == Kind::object) shuffle(json);
  for (Json& item : json.items) rewrite(item);
}

// With spaces between the tokens, and some letters as escapes.
std::string Mutator::spaced(const Json& json) {
  static const char* const spaces[] = {"", "", "", " ", "\n\t"};
  const std::string tight = write(json);
  std::string result;
  bool inside = false;
  for (std::size_t i = 0; i < tight.size(); ++i) {
    const char c = tight[i];
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\u%04x", static_cast<unsigned>(c));
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (inside && c == '\\') {  // an escape stays whole
      const std::size_t length = tight[i + 1] == 'u' ? 6 : 2;
      result += tight.substr(i, length);
      i += length - 1;
      continue;
    }
    result += inside && letter && below(8) == 0 ? std::string(hex) : std::string(1, c);
    if (c == '"') inside = !inside;
    if (!inside && std::strchr("{}[],:", c)) result += any(spaces);
  }
  while (result.back() != '}' && result.back() != ']') result.pop_back();
  return result;
}

std::string Mutator::same(std::string& original) {
  original = any(seeds_);
  Draft draft = take_apart(original);
  rewrite(draft.architecture);
  draft.header.find("__metadata__")->find("architecture")->text = spaced(draft.architecture);
  rewrite(draft.header);
  // The data in the new order of the tensors.
  std::string data;
  for (std::size_t i = 0; i < draft.header.items.size(); ++i) {
    Json* const offsets = draft.header.items[i].find("data_offsets");
    if (!offsets) continue;
    const std::size_t begin = number_in(offsets->items[0]), end = number_in(offsets->items[1]);
    offsets->items = {raw(std::to_string(data.size())), raw(std::to_string(data.size() + end - begin))};
    data += draft.data.substr(begin, end - begin);
  }
  rewrite(draft.header);
  return assemble(spaced(draft.header) + std::string(below(9), ' '), data);
}

}  // namespace fuzz
