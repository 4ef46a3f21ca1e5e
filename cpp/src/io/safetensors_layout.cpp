#include "safetensors_layout.h"

#include <algorithm>
#include <tuple>

#include "error_text.h"

namespace recurra {

std::uint64_t item_size(std::string_view dtype) {
  if (dtype == "F32") return 4;
  if (dtype == "F64") return 8;
  return 0;
}

std::optional<std::uint64_t> byte_size(const std::string& dtype, const std::vector<std::int64_t>& shape) {
  std::uint64_t bytes = item_size(dtype);
  bool empty = false;
  for (const std::int64_t dimension : shape) {
    const auto size = static_cast<std::uint64_t>(dimension);
    if (size == 0) {
      empty = true;
    } else if (bytes > max_size / size) {
      return std::nullopt;
    } else {
      bytes *= size;
    }
  }
  return empty ? 0 : bytes;
}

namespace {

void check_sizes(const Safetensors& file, const std::string& source) {
  for (const auto& [name, entry] : file.tensors) {
    const std::optional<std::uint64_t> size = byte_size(entry.dtype, entry.shape);
    if (!size)
      throw bad_file(source,
                     "tensor " + quote(name) + " has shape " + shape_text(entry.shape) + ", expected a size below 2^63 bytes");
    if (entry.begin > entry.end || entry.end - entry.begin != *size)
      throw bad_file(source, "tensor " + quote(name) + " has offsets [" + std::to_string(entry.begin) + ", " +
                                 std::to_string(entry.end) + "), expected " + std::to_string(*size) + " bytes for shape " +
                                 shape_text(entry.shape) + " of " + entry.dtype);
  }
}

void check_cover(const Safetensors& file, const std::string& source) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, std::string>> spans;
  for (const auto& [name, entry] : file.tensors) spans.emplace_back(entry.begin, entry.end, name);
  std::sort(spans.begin(), spans.end());
  std::uint64_t covered = 0;
  for (const auto& [begin, end, name] : spans) {
    if (begin != covered)
      throw bad_file(source, "tensor " + quote(name) + " begins at data byte " + std::to_string(begin) + ", expected " +
                                 std::to_string(covered) + ": no hole, no overlap");
    covered = end;
  }
  if (covered != file.data.size())
    throw bad_file(source, "data part has " + std::to_string(file.data.size()) + " bytes, expected the " +
                               std::to_string(covered) + " of the tensors");
}

}  // namespace

void check_layout(const Safetensors& file, const std::string& source) {
  check_sizes(file, source);
  check_cover(file, source);
}

}  // namespace recurra
