// A JSON tree of its own, independent of the library's parser: objects keep the order of their members and may repeat a key,
// and any text may stand where a value does, so it writes wrong files as well as right ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

struct Json {
  enum class Kind { raw, text, list, object };  // raw: a number, a literal, or any other characters, as they are
  Kind kind = Kind::raw;
  std::string text{};
  std::vector<std::string> keys{};  // of an object: keys[i] names items[i]
  std::vector<Json> items{};

  // The first member of this name; null where there is none.
  const Json* find(std::string_view key) const;
  Json* find(std::string_view key) { return const_cast<Json*>(static_cast<const Json*>(this)->find(key)); }
};

Json raw(std::string text);
Json text(std::string text);

std::string write(const Json& json);
// Strictly by RFC 8259, text in UTF-8; nothing where it is not that, repeats a key, or is nested deeper than 300.
std::optional<Json> parse(std::string_view text);

}  // namespace fuzz
