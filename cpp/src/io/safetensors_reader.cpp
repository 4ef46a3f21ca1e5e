#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "error_text.h"
#include "safetensors.h"
#include "safetensors_header.h"
#include "safetensors_layout.h"

namespace recurra {
namespace {

static_assert(std::endian::native == std::endian::little, "data are copied as they lie in memory");

std::string_view find_header(const std::vector<char>& bytes, const std::string& source) {
  if (bytes.size() < length_bytes)
    throw bad_file(source, "has " + std::to_string(bytes.size()) + " bytes, expected at least 8 for the header length");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), length_bytes);
  const std::uint64_t limit = std::min<std::uint64_t>(bytes.size() - length_bytes, max_header);
  if (length > limit)
    throw bad_file(source, "header length is " + std::to_string(length) + ", expected at most " + std::to_string(limit));
  return {bytes.data() + length_bytes, static_cast<std::size_t>(length)};
}

}  // namespace

Safetensors decode_safetensors(std::vector<char> bytes, const std::string& source) {
  Safetensors file;
  const std::string_view header = find_header(bytes, source);
  read_header(header, file, source);
  const auto data_begin = static_cast<std::ptrdiff_t>(length_bytes + header.size());
  bytes.erase(bytes.begin(), bytes.begin() + data_begin);
  file.data = std::move(bytes);
  check_layout(file, source);
  return file;
}

}  // namespace recurra
