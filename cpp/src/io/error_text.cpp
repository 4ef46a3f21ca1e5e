#include "error_text.h"

#include <nlohmann/json.hpp>

namespace recurra {

std::string printable(const std::string& text, std::size_t longest) {
  using Json = nlohmann::json;
  const std::string escaped = Json(text.substr(0, longest)).dump(-1, ' ', true, Json::error_handler_t::replace);
  return escaped.substr(1, escaped.size() - 2) + (text.size() > longest ? "..." : "");
}

std::string quote(const std::string& text) {
  std::string result(1, '\'');
  result += printable(text, 80);
  result += '\'';
  return result;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "(" + text + ")";
}

std::runtime_error bad_file(const std::string& source, const std::string& what) {
  return std::runtime_error("load: " + source + ": " + what);
}

}  // namespace recurra
