#include "safetensors_header.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "error_text.h"
#include "safetensors_layout.h"

namespace recurra {
namespace {

using nlohmann::json;

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

}  // namespace

void read_header(std::string_view header, Safetensors& file, const std::string& source) {
  const std::size_t padding = header.size() - (header.find_last_not_of(' ') + 1);
  const std::string_view text = header.substr(0, header.size() - padding);
  // The parser would skip a byte order mark and take a NUL for the end, with anything behind it.
  if (!text.starts_with('{') || !text.ends_with('}') || text.find('\0') != text.npos)
    throw bad_file(source, "header is not one JSON object padded with spaces");
  HeaderReader reader(file, source);
  json::sax_parse(text.begin(), text.end(), &reader);
}

}  // namespace recurra
