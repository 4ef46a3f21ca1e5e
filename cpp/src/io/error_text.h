// Words for error messages about files. A file may come from anyone, so its texts are shown short and in printable ASCII.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace recurra {

// The text as JSON would escape it, cut after `longest` bytes.
std::string printable(const std::string& text, std::size_t longest);
// A name, short and between quotation marks: 'weight'.
std::string quote(const std::string& text);
// "(2, 3)"
std::string shape_text(const std::vector<std::int64_t>& shape);
// "load: <source>: <what>"; `source` is the caller's own word and stays as it is.
std::runtime_error bad_file(const std::string& source, const std::string& what);

}  // namespace recurra
