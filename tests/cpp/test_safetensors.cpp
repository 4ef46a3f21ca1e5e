// The safetensors container: exact bytes, round trips, and what the writer refuses.
#include <doctest/doctest.h>

#include <stdexcept>

#include "safetensors_problem.h"

namespace {

using namespace recurra;
using namespace test;
using doctest::Contains;

template <class T>
std::vector<T> values(const Safetensors& file, const std::string& name) {
  const TensorEntry& found = file.tensors.at(name);
  std::vector<T> result((found.end - found.begin) / sizeof(T));
  std::memcpy(result.data(), file.data.data() + found.begin, found.end - found.begin);
  return result;
}

}  // namespace

TEST_CASE("safetensors: what is written is read back") {
  const Safetensors file = decode_safetensors(sample(), "m");
  CHECK(consistent(file));
  CHECK(file.tensors.size() == 4);
  CHECK(file.tensors.at("0.weight").shape == std::vector<std::int64_t>{2, 3});
  CHECK(file.tensors.at("scalar").shape.empty());
  CHECK(file.tensors.at("empty").shape == std::vector<std::int64_t>{0, 4});
  CHECK(values<float>(file, "0.weight") == weight);
  CHECK(values<double>(file, "z.scale") == scale);
  CHECK(file.metadata == metadata);
}

TEST_CASE("safetensors: the bytes are exact, sorted and aligned") {
  const std::string header = R"({"__metadata__":{"k":"v"},"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
                             R"("a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                             R"("b":{"dtype":"F32","shape":[],"data_offsets":[12,16]}})";
  const Tensor a{"a", "F32", {1}, weight.data()};
  const Tensor b{"b", "F32", {}, weight.data() + 1};
  const Tensor d{"d", "F64", {1}, scale.data()};
  const Bytes bytes = encode_safetensors({b, d, a}, {{"k", "v"}});
  CHECK(header_of(bytes) == header + std::string((8 - header.size() % 8) % 8, ' '));
  CHECK(std::memcmp(bytes.data() + bytes.size() - 16, scale.data(), 8) == 0);
  CHECK(std::memcmp(bytes.data() + bytes.size() - 8, weight.data(), 8) == 0);
  CHECK(bytes == encode_safetensors({a, b, d}, {{"k", "v"}}));
  CHECK(encode_safetensors({}, {}) == wrap("{}      ", 0));
}

TEST_CASE("safetensors: the writer refuses what the format cannot hold") {
  const auto refuse_tensor = [](const std::vector<Tensor>& tensors, const char* message) {
    CHECK_THROWS_WITH_AS(encode_safetensors(tensors, {}), message, std::invalid_argument);
  };
  const float* data = weight.data();
  const std::int64_t large = std::int64_t{1} << 32;
  refuse_tensor({{"a", "F32", {1}, data}, {"a", "F64", {1}, data}},
                "save: tensor name 'a' appears twice, expected distinct names");
  refuse_tensor({{"__metadata__", "F32", {1}, data}}, "save: tensor '__metadata__' has a reserved name, expected another");
  refuse_tensor({{"a", "F16", {1}, data}}, "save: tensor 'a' has dtype 'F16', expected F32 or F64");
  refuse_tensor({{"a", "F32", {2, -1}, data}}, "save: tensor 'a' has shape (2, -1), expected no negative dimension");
  refuse_tensor({{"a", "F32", {large, large, 0}, data}},
                "save: tensor 'a' has shape (4294967296, 4294967296, 0), expected a size below 2^63 bytes");
  refuse_tensor({{"a", "F32", std::vector<std::int64_t>(65, 1), data}},
                "save: tensor 'a' has 65 dimensions, expected at most 64");
  refuse_tensor({{"a", "F32", {1}, nullptr}}, "save: tensor 'a' has no data, expected 4 bytes");
  refuse_tensor({{"\xFF", "F32", {1}, data}}, "save: tensor name '\\ufffd' is not valid UTF-8");
  CHECK_THROWS_WITH_AS(encode_safetensors({}, {{"k", "\xC0\x80"}}), Contains("save: metadata value"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(encode_safetensors({}, {{"\xED\xA0\x80", "v"}}), Contains("save: metadata key"), std::invalid_argument);
}
