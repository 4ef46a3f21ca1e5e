#include "io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

namespace recurra {
namespace {

static_assert(std::endian::native == std::endian::little, "data are copied as they lie in memory");

using nlohmann::json;

constexpr std::size_t length_bytes = 8;
constexpr std::size_t alignment = 8;
constexpr std::uint64_t max_header = 100'000'000;  // the limit of the reference implementation
constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t max_rank = 64;  // as in NumPy; bounds the memory of a hostile shape
constexpr const char* metadata_key = "__metadata__";

// Short printable ASCII whatever the text holds, since it goes into error messages.
std::string quote(const std::string& text) {
  constexpr std::size_t longest = 80;
  const std::string escaped = json(text.substr(0, longest)).dump(-1, ' ', true, json::error_handler_t::replace);
  const char* const dots = text.size() > longest ? "..." : "";
  return "'" + escaped.substr(1, escaped.size() - 2) + dots + "'";
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "(" + text + ")";
}

// 0 for a dtype that is not known.
std::uint64_t item_size(std::string_view dtype) {
  if (dtype == "F32") return 4;
  if (dtype == "F64") return 8;
  return 0;
}

// Bytes of an array; none where they, or the product of its non-zero dimensions, pass 2^63 - 1.
// A zero does not hide an overflow: who multiplies in another order would meet it.
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

std::runtime_error bad_file(const std::string& source, const std::string& what) {
  return std::runtime_error("load: " + source + ": " + what);
}

// Fills metadata and tensors while the header is parsed. It follows the format's own grammar and
// refuses the first thing outside it, so depth and memory stay bounded by the header's length.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  HeaderReader(Safetensors& file, const std::string& source) : file_(file), source_(source) {}

  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a boolean"); }
  bool number_integer(number_integer_t) override { refuse("a negative integer"); }
  bool number_float(number_float_t, const string_t&) override { refuse("a fraction or huge number"); }
  bool binary(binary_t&) override { refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) {
      if (value > max_size) refuse("an integer above 2^63 - 1");
      if (entry_->shape.size() == max_rank) refuse("too many numbers");
      entry_->shape.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::offsets) {
      if (num_offsets_ == 2) refuse("more than two numbers");
      (num_offsets_++ == 0 ? entry_->begin : entry_->end) = value;
    } else {
      refuse("a number");
    }
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      file_.metadata[key_] = std::move(value);
    } else if (place_ == Place::tensor && key_ == "dtype") {
      if (item_size(value) == 0) fail("tensor " + quote(name_) + " has dtype " + quote(value) + ", expected F32 or F64");
      entry_->dtype = std::move(value);
    } else {
      refuse("a string");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::root;
    } else if (place_ == Place::root && name_ == metadata_key) {
      place_ = Place::metadata;
    } else if (place_ == Place::root) {
      place_ = Place::tensor;
      entry_ = &file_.tensors.at(name_);
      fields_.clear();
    } else {
      refuse("an object");
    }
    return true;
  }

  bool key(string_t& key) override {
    bool is_new = true;
    if (place_ == Place::metadata) {
      is_new = file_.metadata.try_emplace(key).second;
    } else if (place_ == Place::tensor) {
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        fail("tensor " + quote(name_) + " has a field " + quote(key) + ", expected dtype, shape and data_offsets only");
      is_new = fields_.insert(key).second;
    } else {
      name_ = key;
      is_new = key == metadata_key ? !std::exchange(has_metadata_, true) : file_.tensors.try_emplace(key).second;
    }
    if (!is_new) fail("key " + quote(key) + " appears twice in one object");
    key_ = std::move(key);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor && fields_.size() != 3)
      fail("tensor " + quote(name_) + " has " + std::to_string(fields_.size()) +
           " fields, expected dtype, shape and data_offsets");
    place_ = place_ == Place::root ? Place::outside : Place::root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || key_ == "dtype") refuse("an array");
    place_ = key_ == "shape" ? Place::shape : Place::offsets;
    num_offsets_ = 0;
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && num_offsets_ != 2) refuse("fewer than two numbers");
    place_ = Place::tensor;
    return true;
  }

  // The library's own message would repeat the text it stumbled over, at any length.
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    fail("header is not valid JSON near its byte " + std::to_string(position));
  }

 private:
  enum class Place { outside, root, metadata, tensor, shape, offsets };

  [[noreturn]] void fail(const std::string& what) const { throw bad_file(source_, what); }

  [[noreturn]] void refuse(const std::string& got) const {
    const std::string tensor = "tensor " + quote(name_);
    if (place_ == Place::metadata) fail("__metadata__ has " + got + " for " + quote(key_) + ", expected a string");
    if (place_ == Place::tensor)
      fail(tensor + " has " + got + " as " + key_ + ", expected " + (key_ == "dtype" ? "a string" : "an array"));
    if (place_ == Place::shape)
      fail(tensor + " has " + got + " in shape, expected at most " + std::to_string(max_rank) + " non-negative integers");
    if (place_ == Place::offsets) fail(tensor + " has " + got + " in data_offsets, expected two non-negative integers");
    fail((name_ == metadata_key ? name_ : tensor) + " is " + got + ", expected an object");
  }

  Safetensors& file_;
  const std::string& source_;
  Place place_ = Place::outside;
  std::string name_, key_;  // the key of the root object; the innermost key
  bool has_metadata_ = false;
  TensorEntry* entry_ = nullptr;
  std::set<std::string> fields_;
  int num_offsets_ = 0;
};

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

void read_header(std::string_view header, Safetensors& file, const std::string& source) {
  const std::size_t padding = header.size() - (header.find_last_not_of(' ') + 1);
  const std::string_view text = header.substr(0, header.size() - padding);
  // The parser would skip a byte order mark and take a NUL for the end, with anything behind it.
  if (!text.starts_with('{') || !text.ends_with('}') || text.find('\0') != text.npos)
    throw bad_file(source, "header is not one JSON object padded with spaces");
  HeaderReader reader(file, source);
  json::sax_parse(text.begin(), text.end(), &reader);
}

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
  for (const auto& [key, value] : metadata)
    text += (text.empty() ? "" : ",") + json_string(key, "metadata key") + ":" + json_string(value, "metadata value");
  return "{" + text + "}";
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
  header = "{" + header + "}";
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

Safetensors decode_safetensors(std::vector<char> bytes, const std::string& source) {
  Safetensors file;
  const std::string_view header = find_header(bytes, source);
  read_header(header, file, source);
  const auto data_begin = static_cast<std::ptrdiff_t>(length_bytes + header.size());
  bytes.erase(bytes.begin(), bytes.begin() + data_begin);
  file.data = std::move(bytes);
  check_sizes(file, source);
  check_cover(file, source);
  return file;
}

}  // namespace recurra
