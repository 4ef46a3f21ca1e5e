#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "error_text.h"
#include "safetensors.h"
#include "safetensors_layout.h"

namespace recurra {
namespace {

static_assert(std::endian::native == std::endian::little, "data are copied as they lie in memory");

using nlohmann::json;

constexpr std::size_t alignment = 8;

std::invalid_argument bad_tensor(const Tensor& tensor, const std::string& what) {
  return std::invalid_argument("save: tensor " + quote(tensor.name) + " has " + what);
}

std::uint64_t check_tensor(const Tensor& tensor) {
  if (tensor.name == metadata_key) throw bad_tensor(tensor, "a reserved name, expected another");
  if (item_size(tensor.dtype) == 0) throw bad_tensor(tensor, "dtype " + quote(tensor.dtype) + ", expected F32 or F64");
  const std::vector<std::int64_t>& shape = tensor.shape;
  if (shape.size() > max_rank)
    throw bad_tensor(tensor, std::to_string(shape.size()) + " dimensions, expected at most " + std::to_string(max_rank));
  if (std::any_of(shape.begin(), shape.end(), [](std::int64_t size) { return size < 0; }))
    throw bad_tensor(tensor, "shape " + shape_text(shape) + ", expected no negative dimension");
  const std::optional<std::uint64_t> size = byte_size(tensor.dtype, shape);
  if (!size) throw bad_tensor(tensor, "shape " + shape_text(shape) + ", expected a size below 2^63 bytes");
  if (*size > 0 && tensor.data == nullptr) throw bad_tensor(tensor, "no data, expected " + std::to_string(*size) + " bytes");
  return *size;
}

std::string json_string(const std::string& text, const char* what) try {
  return json(text).dump();
} catch (const json::exception&) {
  throw std::invalid_argument("save: " + std::string(what) + " " + quote(text) + " is not valid UTF-8");
}

// Wide items first: all sizes being multiples of their item's, each tensor then lies aligned.
std::vector<const Tensor*> file_order(const std::vector<Tensor>& tensors) {
  std::vector<const Tensor*> order;
  for (const Tensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const Tensor* left, const Tensor* right) {
    const std::uint64_t left_size = item_size(left->dtype), right_size = item_size(right->dtype);
    return std::tie(right_size, left->name) < std::tie(left_size, right->name);
  });
  return order;
}

void refuse_repeated_names(const std::vector<Tensor>& tensors) {
  std::set<std::string_view> names;
  for (const Tensor& tensor : tensors) {
    if (names.insert(tensor.name).second) continue;
    throw std::invalid_argument("save: tensor name " + quote(tensor.name) + " appears twice, expected distinct names");
  }
}

std::string metadata_text(const std::map<std::string, std::string>& metadata) {
  std::string text;
  for (const auto& [key, value] : metadata) {
    text += text.empty() ? '{' : ',';
    text += json_string(key, "metadata key") + ':';
    text += json_string(value, "metadata value");
  }
  return text + '}';
}

}  // namespace

std::vector<char> encode_safetensors(const std::vector<Tensor>& tensors, const std::map<std::string, std::string>& metadata) {
  refuse_repeated_names(tensors);
  const std::vector<const Tensor*> order = file_order(tensors);
  std::string header;
  if (!metadata.empty()) header = '"' + std::string(metadata_key) + "\":" + metadata_text(metadata);
  std::uint64_t data_size = 0;
  for (const Tensor* tensor : order) {
    const std::uint64_t begin = data_size;
    data_size += check_tensor(*tensor);  // two numbers below 2^63: no overflow
    if (data_size > max_size) throw bad_tensor(*tensor, "no room left, expected less than 2^63 bytes in all");
    const nlohmann::ordered_json entry = {
        {"dtype", tensor->dtype}, {"shape", tensor->shape}, {"data_offsets", {begin, data_size}}};
    if (!header.empty()) header += ',';
    header += json_string(tensor->name, "tensor name") + ":" + entry.dump();
  }
  header.insert(0, 1, '{');
  header += '}';
  header.resize((header.size() + alignment - 1) / alignment * alignment, ' ');
  const std::uint64_t length = header.size();
  if (length > max_header)
    throw std::invalid_argument("save: the header has " + std::to_string(length) + " bytes, expected at most " +
                                std::to_string(max_header));

  std::vector<char> bytes(length_bytes);
  bytes.reserve(length_bytes + length + data_size);
  std::memcpy(bytes.data(), &length, length_bytes);
  bytes.insert(bytes.end(), header.begin(), header.end());
  for (const Tensor* tensor : order) {
    const char* const data = static_cast<const char*>(tensor->data);
    const std::uint64_t size = *byte_size(tensor->dtype, tensor->shape);
    if (size > 0) bytes.insert(bytes.end(), data, data + size);
  }
  return bytes;
}

}  // namespace recurra
