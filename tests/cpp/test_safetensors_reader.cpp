// The reader of safetensors files: every kind of malformed header, and random damage, after which a file is refused or still
// consistent.
#include <doctest/doctest.h>

#include <random>
#include <stdexcept>
#include <utility>

#include "safetensors_problem.h"

namespace {

using namespace recurra;
using namespace test;
using doctest::Contains;

// One random wound in [begin, end) of the bytes: a flip, an overwrite, a cut, an insertion.
void damage(Bytes& bytes, std::size_t begin, std::size_t end, std::mt19937& random) {
  static const std::string likely = R"({}[]",:0123456789-.e\ FtunN)";
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(begin + random() % (end - begin));
  const auto stop = at + std::min<std::ptrdiff_t>(bytes.end() - at, 1 + random() % 9);
  const char letter = likely[random() % likely.size()];
  const Bytes copy(at, stop);
  const auto kind = random() % 6;
  if (kind == 0) *at = static_cast<char>(*at ^ (1 << random() % 8));
  if (kind == 1) *at = static_cast<char>(random());
  if (kind == 2) *at = letter;
  if (kind == 3) bytes.erase(at, stop);
  if (kind == 4) bytes.insert(at, letter);
  if (kind == 5) bytes.insert(at, copy.begin(), copy.end());
}

enum class Outcome { refused, consistent, wrong };

Outcome decode(const Bytes& bytes) {
  try {
    return consistent(decode_safetensors(bytes, "m")) ? Outcome::consistent : Outcome::wrong;
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    return what.starts_with("load: m: ") && what.size() < 4000 ? Outcome::refused : Outcome::wrong;
  }
}

void refuse(const std::string& header, std::size_t data_size, const char* message) {
  CHECK_THROWS_WITH_AS(decode_safetensors(wrap(header, data_size), "m"), Contains(message), std::runtime_error);
}

}  // namespace

TEST_CASE("safetensors: a malformed header is named") {
  const std::string a = R"({"a":)";
  const char* not_an_object = "load: m: header is not one JSON object padded with spaces";
  for (const char* text : {"", "   ", "[]", " {}", "{}\n", "{}\t ", "\xEF\xBB\xBF{}"}) refuse(text, 0, not_an_object);
  refuse(std::string("{}\0}", 4), 0, not_an_object);
  for (const char* text :
       {"{}{}", "{'a':1}", "{\"a\":}", "{\"\xFF\":1}", "{/**/}", R"({"\ud800":{}})", R"({"a":1e999})", "{\"a\x01\":{}}"})
    refuse(text, 0, "load: m: header is not valid JSON near its byte");

  refuse(a + "5}", 0, "load: m: tensor 'a' is a number, expected an object");
  refuse(a + "null}", 0, "load: m: tensor 'a' is null, expected an object");
  refuse(a + "[]}", 0, "load: m: tensor 'a' is an array, expected an object");
  refuse(a + "{}}", 0, "tensor 'a' has 0 fields, expected dtype, shape and data_offsets");
  refuse(a + R"({"dtype":"F32","shape":[]}})", 0, "tensor 'a' has 2 fields");
  refuse(a + R"({"strides":[]}})", 0, "tensor 'a' has a field 'strides', expected dtype");
  refuse(a + R"({"dtype":["F32"]}})", 0, "tensor 'a' has an array as dtype, expected a string");
  refuse(a + R"({"shape":"4"}})", 0, "tensor 'a' has a string as shape, expected an array");
  refuse(a + R"({"shape":{}}})", 0, "tensor 'a' has an object as shape, expected an array");
  refuse(a + R"({"dtype":"BF16"}})", 2, "tensor 'a' has dtype 'BF16', expected F32 or F64");

  const std::string good = entry("[1]", "[0,4]");
  refuse(a + good + R"(,"a":)" + good + "}", 4, "key 'a' appears twice in one object");
  refuse(a + good + R"(,"\u0061":)" + good + "}", 4, "key 'a' appears twice");
  refuse(a + R"({"shape":[],"shape":[]}})", 4, "key 'shape' appears twice");
  refuse(R"({"__metadata__":{"k":"v","k":"v"}})", 0, "key 'k' appears twice");
  refuse(R"({"__metadata__":{},"__metadata__":{}})", 0, "key '__metadata__' appears twice");
  refuse(R"({"__metadata__":{"k":1}})", 0, "__metadata__ has a number for 'k', expected a string");
  refuse(R"({"__metadata__":{"k":{}}})", 0, "__metadata__ has an object for 'k'");
  refuse(R"({"__metadata__":null})", 0, "__metadata__ is null, expected an object");
}

TEST_CASE("safetensors: shapes and offsets must fit each other and the data") {
  const auto one = [](const std::string& shape, const std::string& offsets) { return R"({"a":)" + entry(shape, offsets) + "}"; };
  refuse(R"({"0.bias":)" + entry("[8]", "[0,24]") + "}", 24,
         "load: m: tensor '0.bias' has offsets [0, 24), expected 32 bytes for shape (8) of F32");
  refuse(one("[1]", "[4,0]"), 4, "has offsets [4, 0), expected 4 bytes for shape (1) of F32");
  for (const char* shape :
       {"[9223372036854775807]", "[4294967296,4294967296]", "[0,4294967296,4294967296]", "[4294967296,4294967296,0]"})
    refuse(one(shape, "[0,0]"), 0, "expected a size below 2^63 bytes");
  for (const char* number :
       {"-1", "-0", "1.0", "1e0", "true", "null", "[1]", R"("1")", "{}", "9223372036854775808", "18446744073709551616"})
    refuse(one(std::string("[") + number + "]", "[0,4]"), 4, "in shape, expected at most 64 non-negative integers");
  for (const char* offsets :
       {"[]", "[0]", "[0,4,4]", "[-4,0]", "[0.0,4]", "[0,1e1]", "[null,4]", "[0,18446744073709551616]", "[[0],4]"})
    refuse(one("[1]", offsets), 4, "in data_offsets, expected two non-negative integers");
  refuse(one("[1]", "[18446744073709551611,18446744073709551615]"), 4,
         "begins at data byte 18446744073709551611, expected 0: no hole, no overlap");

  const std::string first = R"("a":)" + entry("[1]", "[0,4]"), b = R"("b":)";
  refuse("{" + first + "," + b + entry("[1]", "[8,12]") + "}", 12,
         "load: m: tensor 'b' begins at data byte 8, expected 4: no hole, no overlap");
  refuse("{" + first + "," + b + entry("[1]", "[0,4]") + "}", 4,
         "load: m: tensor 'b' begins at data byte 0, expected 4: no hole, no overlap");
  for (const std::size_t size : {0, 3, 5}) refuse("{" + first + "}", size, "bytes, expected the 4 of the tensors");

  // Three tensors around the whole 64-bit circle, back at 0, the size of the data.
  const std::string half = "[2305843009213693951]";
  refuse(R"({"a":)" + entry(half, "[0,9223372036854775804]") + "," + b +
             entry(half, "[9223372036854775804,18446744073709551608]") + R"(,"c":)" + entry("[2]", "[18446744073709551608,0]") +
             "}",
         0, "tensor 'c' has offsets [18446744073709551608, 0), expected 8 bytes");

  const std::string nothing = R"(,"n":)" + entry("[0,7]", "[4,4]");
  CHECK(Outcome::consistent == decode(wrap("{" + b + entry("[1]", "[4,8]") + "," + first + nothing + "}   ", 8)));
}

TEST_CASE("safetensors: a hostile length, depth or name costs nothing") {
  for (const std::uint64_t length :
       {~std::uint64_t{0}, ~std::uint64_t{7}, std::uint64_t{1} << 63, std::uint64_t{100'000'001}, std::uint64_t{3}}) {
    Bytes bytes = wrap("{}", 0);
    std::memcpy(bytes.data(), &length, 8);
    CHECK_THROWS_WITH_AS(decode_safetensors(bytes, "m"), Contains("expected at most 2"), std::runtime_error);
  }
  CHECK_THROWS_WITH_AS(decode_safetensors(Bytes(7), "m"), Contains("expected at least 8"), std::runtime_error);
  const std::string deep(1'000'000, '[');
  CHECK(Outcome::refused == decode(wrap(R"({"a":)" + deep + "}", 0)));
  CHECK(Outcome::refused == decode(wrap(R"({"a":{"shape":)" + deep + "}}", 0)));
  CHECK(Outcome::refused == decode(wrap(R"({")" + std::string(1'000'000, 'n') + R"(":0})", 0)));
  std::string ones = "[1";
  for (int i = 0; i < 100'000; ++i) ones += ",1";
  refuse(R"({"a":)" + entry(ones + "]", "[0,4]") + "}", 4, "too many numbers in shape");
}

TEST_CASE("safetensors: damage is refused or leaves a consistent file") {
  const Bytes whole = sample();
  const std::size_t header_end = 8 + header_of(whole).size();
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(Outcome::refused == decode(Bytes(whole.data(), whole.data() + size)));
  for (Bytes longer = whole; longer.size() < whole.size() + 20;) {
    longer.push_back('\0');
    CHECK(Outcome::refused == decode(longer));
  }

  std::mt19937 random(20240607);
  const std::pair<std::size_t, std::size_t> regions[] = {{0, 8}, {8, header_end}, {header_end, whole.size()}, {0, whole.size()}};
  int accepted = 0, wrong = 0;
  for (const auto& [begin, end] : regions) {
    for (int round = 0; round < 4000; ++round) {
      Bytes bytes = whole;
      for (int wounds = round % 3; wounds >= 0; --wounds) damage(bytes, begin, std::min(end, bytes.size()), random);
      // Half of the headers keep a true length, so that damage reaches past the first check.
      const std::uint64_t length = header_end - 8 + bytes.size() - whole.size();
      if (begin == 8 && round % 2 == 0) std::memcpy(bytes.data(), &length, 8);
      const Outcome outcome = decode(bytes);
      accepted += outcome == Outcome::consistent;
      wrong += outcome == Outcome::wrong;
    }
  }
  CHECK(wrong == 0);
  CHECK(accepted > 1000);  // flips in the data, and in names
}
