// Safetensors files for the tests: one as the library writes it, and others around handwritten headers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace test {

using Bytes = std::vector<char>;

// A file around a handwritten header.
inline Bytes wrap(const std::string& header, std::size_t data_size) {
  const std::uint64_t length = header.size();
  Bytes bytes(8 + header.size() + data_size);
  std::memcpy(bytes.data(), &length, 8);
  std::copy(header.begin(), header.end(), bytes.begin() + 8);
  return bytes;
}

inline std::string header_of(const Bytes& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  return {bytes.data() + 8, static_cast<std::size_t>(length)};
}

inline std::string entry(const std::string& shape, const std::string& offsets) {
  return R"({"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

inline const std::vector<float> weight = {1.5f, -2.0f, 3.25f, 0.0f, 1e-30f, 7.0f};
inline const std::vector<double> scale = {0.1, -1e300};
inline const std::map<std::string, std::string> metadata = {{"format", "recurra"}, {"n\u00e4me \"x\"\n", "\xF0\x9F\x8E\xB5"}};

inline Bytes sample() {
  return recurra::encode_safetensors({{"0.weight", "F32", {2, 3}, weight.data()},
                                      {"z.scale", "F64", {2}, scale.data()},
                                      {"empty", "F32", {0, 4}, nullptr},
                                      {"scalar", "F32", {}, weight.data()}},
                                     metadata);
}

// What the reader promises, computed a second way: here every data byte is counted.
inline bool consistent(const recurra::Safetensors& file) {
  std::vector<int> owners(file.data.size());
  for (const auto& [name, found] : file.tensors) {
    if (found.dtype != "F32" && found.dtype != "F64") return false;
    __extension__ unsigned __int128 size = found.dtype == "F32" ? 4 : 8;
    for (const std::int64_t dimension : found.shape) {
      if (dimension < 0) return false;
      size *= static_cast<std::uint64_t>(dimension);
      if (size >> 63 != 0) return false;
    }
    if (found.begin > found.end || found.end > file.data.size()) return false;
    if (found.end - found.begin != size) return false;
    for (std::uint64_t i = found.begin; i < found.end; ++i) ++owners[i];
  }
  return std::all_of(owners.begin(), owners.end(), [](int count) { return count == 1; });
}

}  // namespace test
