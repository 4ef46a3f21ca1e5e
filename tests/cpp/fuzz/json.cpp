#include "json.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace fuzz {

namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    char escape[8];
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + '"';
}

// Bytes of the character that begins at `at`; 0 where it is no UTF-8 (overlong, a surrogate, beyond U+10FFFF, cut off).
std::size_t character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  std::uint32_t code = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(at + i) & 0x3F);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  return overlong || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF ? 0 : length;
}

void append(std::string& text, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<Json> document() {
    Json json;
    if (!value(json, 0)) return std::nullopt;
    space();
    if (at_ != text_.size()) return std::nullopt;
    return json;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) { return peek() == c && at_ < text_.size() && ++at_; }
  void space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  bool value(Json& json, int depth) {
    if (depth > 300) return false;
    space();
    if (peek() == '{' || peek() == '[') return container(json, depth);
    if (peek() == '"') {
      json.kind = Json::Kind::text;
      return string(json.text);
    }
    json.kind = Json::Kind::raw;
    const std::size_t begin = at_;
    for (const std::string_view literal : {"true", "false", "null"}) {
      if (text_.substr(at_).starts_with(literal)) {
        at_ += literal.size();
        json.text = literal;
        return true;
      }
    }
    if (!number()) return false;
    json.text = text_.substr(begin, at_ - begin);
    return true;
  }

  bool container(Json& json, int depth) {
    const bool object = text_[at_++] == '{';
    json.kind = object ? Json::Kind::object : Json::Kind::list;
    space();
    if (take(object ? '}' : ']')) return true;
    do {
      if (object) {
        std::string key;
        space();
        if (!string(key) || std::count(json.keys.begin(), json.keys.end(), key) > 0) return false;
        json.keys.push_back(key);
        space();
        if (!take(':')) return false;
      }
      if (!value(json.items.emplace_back(), depth + 1)) return false;
      space();
    } while (take(','));
    return take(object ? '}' : ']');
  }

  bool digits() {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > begin;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  bool four_digits(std::uint32_t& code) {
    code = 0;
    for (int i = 0; i < 4; ++i) {
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(peek());
      if (at_ >= text_.size() || digit == std::string_view::npos) return false;
      code = code * 16 + static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
      ++at_;
    }
    return true;
  }

  bool escape(std::string& result) {
    const std::size_t simple = std::string_view("\"\\/bfnrt").find(peek());
    if (at_ >= text_.size()) return false;
    if (simple != std::string_view::npos) {
      result += "\"\\/\b\f\n\r\t"[simple];
      return ++at_ != 0;
    }
    std::uint32_t code = 0, low = 0;
    if (!take('u') || !four_digits(code) || (code >= 0xDC00 && code < 0xE000)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      if (!take('\\') || !take('u') || !four_digits(low) || low < 0xDC00 || low >= 0xE000) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append(result, code);
    return true;
  }

  bool string(std::string& result) {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      if (take('"')) return true;
      if (take('\\')) {
        if (!escape(result)) return false;
        continue;
      }
      const std::size_t length = character(text_, at_);
      if (length == 0 || static_cast<unsigned char>(text_[at_]) < 0x20) return false;
      result += text_.substr(at_, length);
      at_ += length;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return kind != Kind::object || found == keys.end() ? nullptr : &items[static_cast<std::size_t>(found - keys.begin())];
}

Json raw(std::string text) { return {Json::Kind::raw, std::move(text)}; }
Json text(std::string text) { return {Json::Kind::text, std::move(text)}; }

std::string write(const Json& json) {
  if (json.kind == Json::Kind::raw) return json.text;
  if (json.kind == Json::Kind::text) return quoted(json.text);
  const bool object = json.kind == Json::Kind::object;
  std::string result(1, object ? '{' : '[');
  for (std::size_t i = 0; i < json.items.size(); ++i) {
    if (i > 0) result += ',';
    if (object) result += quoted(json.keys[i]) + ':';
    result += write(json.items[i]);
  }
  return result + (object ? '}' : ']');
}

std::optional<Json> parse(std::string_view text) { return Parser(text).document(); }

}  // namespace fuzz
