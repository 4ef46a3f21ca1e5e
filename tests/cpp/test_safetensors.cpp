// The safetensors container and the whole-file functions under it: exact bytes, round trips, every
// kind of malformed header, and random damage, after which a file is refused or still consistent.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <utility>

#include "io/file.h"
#include "io/safetensors.h"

namespace {

using namespace recurra;
using doctest::Contains;
using Bytes = std::vector<char>;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

// A file around a handwritten header.
Bytes wrap(const std::string& header, std::size_t data_size) {
  const std::uint64_t length = header.size();
  Bytes bytes(8 + header.size() + data_size);
  std::memcpy(bytes.data(), &length, 8);
  std::copy(header.begin(), header.end(), bytes.begin() + 8);
  return bytes;
}

std::string header_of(const Bytes& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  return {bytes.data() + 8, static_cast<std::size_t>(length)};
}

std::string entry(const std::string& shape, const std::string& offsets) {
  return R"({"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

const std::vector<float> weight = {1.5f, -2.0f, 3.25f, 0.0f, 1e-30f, 7.0f};
const std::vector<double> scale = {0.1, -1e300};
const std::map<std::string, std::string> metadata = {{"format", "recurra"}, {"n\u00e4me \"x\"\n", "\xF0\x9F\x8E\xB5"}};

Bytes sample() {
  return encode_safetensors({{"0.weight", "F32", {2, 3}, weight.data()},
                             {"z.scale", "F64", {2}, scale.data()},
                             {"empty", "F32", {0, 4}, nullptr},
                             {"scalar", "F32", {}, weight.data()}},
                            metadata);
}

template <class T>
std::vector<T> values(const Safetensors& file, const std::string& name) {
  const TensorEntry& found = file.tensors.at(name);
  std::vector<T> result((found.end - found.begin) / sizeof(T));
  std::memcpy(result.data(), file.data.data() + found.begin, found.end - found.begin);
  return result;
}

// What the reader promises, computed a second way: here every data byte is counted.
bool consistent(const Safetensors& file) {
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

// An empty folder for one test, gone afterwards.
class Folder {
 public:
  Folder() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() / ("recurra_test_" + std::to_string(random()));
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::ptrdiff_t num_files() const { return std::distance(std::filesystem::directory_iterator(path_), {}); }

 private:
  std::filesystem::path path_;
};

unsigned mode_of(const std::string& path) {
  struct stat status = {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

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

TEST_CASE("file: written bytes are read back, the old file is replaced, nothing is left over") {
  const Folder folder;
  const std::string path = folder.file("model");
  for (const std::size_t size : {0, 1, 4096, 3'000'000}) {
    Bytes bytes(size, 'x');
    if (size > 0) bytes.back() = '\0';
    write_file(path, bytes);
    CHECK(read_file(path) == bytes);
  }
  const std::string longest = folder.file(std::string(255, 'n'));
  write_file(longest, bytes_of("long"));
  CHECK(read_file(longest) == bytes_of("long"));
  CHECK(folder.num_files() == 2);
}

TEST_CASE("file: permissions and symbolic links are kept") {
  const Folder folder;
  const std::string path = folder.file("model"), link = folder.file("link");
  const mode_t old = ::umask(027);
  write_file(path, bytes_of("one"));
  ::umask(old);
  CHECK(mode_of(path) == 0640);
  for (const unsigned mode : {0600u, 0644u, 0666u, 0755u}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    write_file(path, bytes_of("two"));
    CHECK(mode_of(path) == mode);
  }
  std::filesystem::create_symlink("model", link);
  write_file(link, bytes_of("three"));
  CHECK(std::filesystem::is_symlink(link));
  CHECK(read_file(path) == bytes_of("three"));
  CHECK(folder.num_files() == 2);
}

TEST_CASE("file: a failed write leaves the old file and nothing else") {
  const Folder folder;
  const std::string path = folder.file("model");
  write_file(path, bytes_of("old"));
  struct rlimit limit = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const rlim_t soft = std::exchange(limit.rlim_cur, 5000);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::string message;
  try {
    write_file(path, Bytes(100'000));  // the first write is short, the second fails
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  limit.rlim_cur = soft;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(message == "save: " + path + ": cannot write: File too large");
  CHECK(read_file(path) == bytes_of("old"));
  CHECK(folder.num_files() == 1);
}

TEST_CASE("file: what is no regular file is refused") {
  const Folder folder;
  const std::string pipe = folder.file("pipe"), link = folder.file("link");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::filesystem::create_symlink("nowhere", link);
  for (const std::string& path : {pipe, folder.file(""), std::string("/dev/null")}) {
    CHECK_THROWS_WITH_AS(read_file(path), ("load: " + path + ": not a regular file").c_str(), std::runtime_error);
    CHECK_THROWS_WITH_AS(write_file(path, {}), ("save: " + path + ": not a regular file").c_str(), std::runtime_error);
  }
  CHECK_THROWS_WITH_AS(read_file(folder.file("none")), Contains("cannot open: No such file"), std::runtime_error);
  CHECK_THROWS_WITH_AS(write_file(folder.file("none/model"), {}), Contains("cannot open its folder: No such file"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(write_file(link, {}), Contains("cannot follow the symbolic link"), std::runtime_error);
  CHECK_THROWS_AS(write_file(folder.file(std::string("a\0b", 3)), {}), std::invalid_argument);
  CHECK_THROWS_AS(read_file(std::string("a\0b", 3)), std::invalid_argument);
  CHECK(folder.num_files() == 2);
}
