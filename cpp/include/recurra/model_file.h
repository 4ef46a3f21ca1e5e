// Networks in safetensors files: parameters by name, the layers as JSON in the metadata. Python and C++ share the format.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "recurra/network.h"

namespace recurra {

// Writes to a temporary file and renames it: a failure leaves an old file as it was. Throws std::runtime_error.
template <class T>
void save(const BasicNetwork<T>& network, const std::string& path);

// Throws std::runtime_error, and nothing else, for a file that is missing, no regular file, truncated, malformed, of another
// dtype, too large for the memory, or whose metadata and tensors are not exactly those of its layers. The bytes may come from
// anyone: memory stays within a fixed multiple of their number. A path with a NUL byte is a std::invalid_argument.
template <class T = float>
BasicNetwork<T> load(const std::string& path);

// Of the dtype the file has.
using AnyNetwork = std::variant<BasicNetwork<float>, BasicNetwork<double>>;
AnyNetwork load_any(const std::string& path);

// The same bytes in memory, with the same errors; `source` names them there.
template <class T>
std::vector<char> to_bytes(const BasicNetwork<T>& network);
AnyNetwork from_bytes(std::vector<char> bytes, const std::string& source = "bytes");

}  // namespace recurra
