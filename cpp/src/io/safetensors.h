// The safetensors container: named arrays and string metadata in one flat file.
//
//   u64 little-endian header length n | n bytes of JSON, padded with spaces | data
//   JSON: {"__metadata__": {string: string}, name: {"dtype", "shape", "data_offsets": [begin,
//   end]}}
//
// Data are little-endian and row-major; offsets count from the start of the data part.
// Reference: https://github.com/huggingface/safetensors, "Format". Only F32 and F64 are known here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace recurra {

// An array to write. `data` is borrowed: product(shape) values of `dtype`, "F32" or "F64".
struct Tensor {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  const void* data;
};

// Where an array lies: bytes [begin, end) of the data part.
struct TensorEntry {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin, end;
};

struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorEntry> tensors;
  std::vector<char> data;
};

// The bytes of a file with these tensors; the same content gives the same bytes in any order.
// Data lie aligned to their item size. Throws std::invalid_argument for what the format cannot
// hold: a repeated or reserved name, another dtype, a bad shape, text that is not UTF-8.
std::vector<char> encode_safetensors(const std::vector<Tensor>& tensors, const std::map<std::string, std::string>& metadata);

// Reads the bytes of a file; `source` names it in errors. The bytes may come from anyone: whatever
// is returned has a known dtype, a shape whose size fits its offsets, any partial product of
// non-zero dimensions below 2^63, and tensors that cover `data` exactly, without hole or overlap.
// Another writer may have left a tensor unaligned, so copy out of `data`. Throws
// std::runtime_error.
Safetensors decode_safetensors(std::vector<char> bytes, const std::string& source);

}  // namespace recurra
