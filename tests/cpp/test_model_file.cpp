// Model files: what is saved is loaded, a failure leaves the old file, and no file, however wrong, does more than be refused.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <utility>

#include "allocations.h"
#include "io/architecture.h"
#include "io/safetensors.h"
#include "recurra/model_file.h"
#include "recurra/runner.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using doctest::Contains;
using Bytes = std::vector<char>;

class TemporaryFile {
 public:
  TemporaryFile()
      : path_((std::filesystem::temp_directory_path() / ("recurra_" + std::to_string(std::random_device{}()))).string()) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  operator const std::string&() const { return path_; }

 private:
  std::string path_;
};

template <class T>
void check_equal(const BasicNetwork<T>& actual, const BasicNetwork<T>& expected) {
  CHECK(actual.layers() == expected.layers());
  REQUIRE(actual.flat().size() == expected.flat().size());
  CHECK(std::memcmp(actual.flat().data(), expected.flat().data(), expected.flat().size_bytes()) == 0);
  if (expected.takes_ids()) return;
  const std::vector<T> x(std::size_t(4 * expected.input_size()), T(0.3));
  std::vector<T> y(std::size_t((expected.pools() ? 1 : 4) * expected.output_size()), T(1)), z(y.size(), T(2));
  Sequences<T> sequences{x.data(), 1, 4};
  if (expected.decodes()) sequences.target_time = 4;
  BasicRunner<T>(actual).forward(sequences, y.data());
  BasicRunner<T>(expected).forward(sequences, z.data());
  CHECK(y == z);
}

template <class T>
void check_round_trip(std::vector<LayerSpec> layers) {
  const BasicNetwork<T> network(std::move(layers), std::uint64_t(5));
  const TemporaryFile file;
  save(network, file);
  check_equal(load<T>(file), network);
  check_equal(std::get<BasicNetwork<T>>(load_any(file)), network);
  check_equal(std::get<BasicNetwork<T>>(from_bytes(to_bytes(network))), network);
}

// A file as Recurra would write it, but for what a test changes.
struct Draft {
  std::map<std::string, std::string> metadata{
      {"format", "recurra"},
      {"version", "1"},
      {"dtype", "F32"},
      {"architecture", R"([{"type":"Linear","options":{"input_size":3,"output_size":2}}])"}};
  std::vector<Tensor> tensors{{"0.weight", "F32", {2, 3}, numbers}, {"0.bias", "F32", {2}, numbers}};
  static constexpr double numbers[16] = {};

  void refuse(const std::string& message) const {
    CHECK_THROWS_WITH_AS(from_bytes(encode_safetensors(tensors, metadata), "m"), Contains(message.c_str()), std::runtime_error);
  }
};

void refuse_architecture(const std::string& json, const std::string& message) {
  CAPTURE(json.substr(0, 200));
  Draft draft;
  draft.metadata["architecture"] = json;
  draft.refuse("load: m: " + message);
}

}  // namespace

TEST_CASE("model file: every cell, both dtypes, what is saved is loaded") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    check_round_trip<float>({cell_layer(cell, 3, 6), linear(output_size(cell, 6), 2)});
    check_round_trip<double>({cell_layer(cell, 3, 6), linear(output_size(cell, 6), 2)});
  }
  check_round_trip<float>({embedding(7, 4), gru(4, 5), mean(), layers::tanh(), dropout(0.25), linear(5, 1)});
  check_round_trip<double>({linear(3, 4), layers::max()});
  check_round_trip<double>({linear(3, 4), relu(), logistic(), elman(4, 3, "relu"), dropout(1.0 / 3), last()});
  const Options delayed{{"input_size", std::int64_t(3)}, {"dilation", std::int64_t(2)}, {"present", false}};
  check_round_trip<float>({delay(2, delayed), chain({linear(6, 4), layers::tanh()}), feedback({linear(10, 3)}, 2), delay(1)});
  check_round_trip<double>({feedback({gru(7, 4), skip({linear(4, 2)}), linear(6, 2)}, 2)});
  const Options written{{"start", std::int64_t(5)}, {"end", std::int64_t(0)}};
  check_round_trip<double>({encoder_decoder({embedding(7, 3), bidirectional(lstm(3, 2))},
                                            {embedding(6, 3), lstm(3, 4), dot_attention(), linear(8, 5)}, written)});
  check_round_trip<float>(
      {encoder_decoder({gru(3, 5)}, {lstm(2, 4), additive_attention(3), linear(9, 2)}, {{"bridge", "linear"}})});
}

TEST_CASE("model file: the same network gives the same bytes") {
  const Network network({lstm(3, 5), linear(5, 2)});
  CHECK(to_bytes(network) == to_bytes(Network(network)));
  const Safetensors file = decode_safetensors(to_bytes(network), "m");
  CHECK(file.metadata.at("architecture") == R"([{"options":{"hidden_size":5,"input_size":3},"type":"LSTM"},)"
                                            R"({"options":{"input_size":5,"output_size":2},"type":"Linear"}])");
  CHECK(file.metadata.at("dtype") == "F32");
  CHECK(file.tensors.at("0.weight_ih").shape == std::vector<std::int64_t>{20, 3});
}

TEST_CASE("model file: a failed save leaves the old file") {
  const Network old({linear(3, 2)}), large({linear(200, 200)});
  const TemporaryFile file;
  save(old, file);
  struct rlimit limit = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const rlim_t soft = std::exchange(limit.rlim_cur, 5000);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK_THROWS_WITH_AS(save(large, file), Contains("cannot write"), std::runtime_error);
  limit.rlim_cur = soft;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::signal(SIGXFSZ, handler);
  check_equal(load(file), old);

  const std::filesystem::path folder = std::string(file) + "_folder", inside = folder / "model";
  std::filesystem::create_directory(folder);
  save(old, inside.string());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  if (::geteuid() != 0) CHECK_THROWS_AS(save(large, inside.string()), std::runtime_error);  // root may write everywhere
  check_equal(load(inside.string()), old);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  std::filesystem::remove_all(folder);
  CHECK_THROWS_WITH_AS(load(inside.string()), Contains("cannot open: No such file"), std::runtime_error);
}

TEST_CASE("model file: another dtype is refused, load_any takes what there is") {
  const TemporaryFile file;
  save(Network({linear(3, 2)}), file);
  CHECK_THROWS_WITH_AS(load<double>(file), ("load: " + std::string(file) + ": is of another dtype, expected F64").c_str(),
                       std::runtime_error);
  CHECK(std::holds_alternative<Network>(load_any(file)));
  save(BasicNetwork<double>({linear(3, 2)}), file);
  CHECK_THROWS_WITH_AS(load<float>(file), ("load: " + std::string(file) + ": is of another dtype, expected F32").c_str(),
                       std::runtime_error);
  CHECK(std::holds_alternative<BasicNetwork<double>>(load_any(file)));
}

TEST_CASE("model file: tensors that are not exactly those of the layers are refused") {
  from_bytes(encode_safetensors(Draft().tensors, Draft().metadata));
  Draft draft;
  draft.tensors.pop_back();
  draft.refuse("load: m: lacks the tensor '0.bias'");
  draft = {};
  draft.tensors.push_back({"1.bias", "F32", {2}, Draft::numbers});
  draft.refuse("load: m: has the unused tensor '1.bias'");
  draft = {};
  draft.tensors[0].shape = {3, 2};
  draft.refuse("load: m: tensor '0.weight' has shape (3, 2), expected (2, 3)");
  draft.tensors[0].shape = {6};
  draft.refuse("load: m: tensor '0.weight' has shape (6), expected (2, 3)");
  draft = {};
  draft.tensors[1].dtype = "F64";
  draft.refuse("load: m: tensor '0.bias' has dtype F64, expected F32");
  draft = {};
  draft.metadata["dtype"] = "F64";
  draft.refuse("load: m: tensor '0.weight' has dtype F32, expected F64");
  draft.metadata["dtype"] = "BF16";
  draft.refuse("load: m: has dtype 'BF16', expected F32 or F64");
}

TEST_CASE("model file: what Recurra did not write is refused") {
  for (const char* key : {"format", "version", "dtype", "architecture"}) {
    Draft draft;
    draft.metadata.erase(key);
    draft.refuse("load: m: lacks the metadata '" + std::string(key) + "', so Recurra did not write it");
  }
  Draft draft;
  draft.metadata["version"] = "2";
  draft.refuse("load: m: has format 'recurra' version '2', expected 'recurra' version '1'");
  draft.metadata["format"] = "pt";
  draft.refuse("load: m: has format 'pt' version '2', expected 'recurra' version '1'");
}

TEST_CASE("model file: unknown layers, options and entries are refused") {
  refuse_architecture(R"([{"type":"Conv"}])", "Network: layer 0 (Conv) is unknown as 'Conv', expected one of ");
  refuse_architecture(R"([{"type":"LSTM","options":{"input_size":3,"hidden_size":2,"depth":2}}])",
                      "Network: layer 0 (LSTM) is unknown as 'LSTM(depth=2)'");
  refuse_architecture(R"([{"type":"Linear","options":{"input_size":3,"output_size":2,"gain":true}}])",
                      "Network: layer 0 (Linear) has an unknown option 'gain'");
  refuse_architecture(R"([{"type":"Linear","options":{"input_size":3}}])",
                      "Network: layer 0 (Linear) lacks the option 'output_size'");
  refuse_architecture(R"([{"type":"Linear","options":{"input_size":3,"output_size":2},"name":"a"}])",
                      "architecture has an unknown entry 'name' in layer 0");
  refuse_architecture(R"([{"type":"Linear","options":[3,2]}])",
                      "architecture has an entry 'options' in layer 0 that is no object");
  refuse_architecture(R"([{"type":"Last","layers":{}}])", "architecture has an entry 'layers' in layer 0 that is no list");
  refuse_architecture(R"([{"type":"Last","layers":[3]}])", "architecture has a layer without a type: layer 0");
  refuse_architecture(R"([{"type":"Linear","options":{"input_size":3,"output_size":2},"layers":[{"type":"Last"}]}])",
                      "Network: layer 0 (Linear) has layers inside, expected none");
  refuse_architecture(R"([{"type":"Linear","options":{"input_size":3,"output_size":null}}])",
                      "architecture has an option 'output_size' that is no number, text or truth value");
  for (const char* layer : {"{}", R"({"type":3})", "3", "null", "[]", R"("Linear")"})
    refuse_architecture("[" + std::string(layer) + "]", "architecture has a layer without a type");
  for (const char* json : {"{}", "3", "null", R"({"type":"Last"})"})
    refuse_architecture(json, "architecture is no list of layers");
  refuse_architecture("[]", "Network: got no layers, expected at least one");
  for (const char* json : {"", "[", "[}", R"([{"type":"Last"}]])", "nan", "[1e999]", R"([{"type":"Linear",}])"})
    refuse_architecture(json, "architecture is no valid JSON near its byte ");
}

TEST_CASE("model file: deep nesting, repeated keys and huge sizes cost nothing") {
  refuse_architecture(std::string(100000, '['), "architecture has a layer without a type");
  std::string nested = R"({"type":"Last"})";
  for (int i = 0; i < 1000; ++i) nested = R"({"type":"Linear","layers":[)" + nested + "]}";
  refuse_architecture("[" + nested + "]", "architecture is nested deeper than 64 layers");
  refuse_architecture(R"([{"type":"Linear","type":"Last"}])", "architecture has the key 'type' twice in layer 0");
  refuse_architecture(R"([{"type":"Linear","options":{"input_size":3,"\u0069nput_size":4}}])",
                      "architecture has the key 'input_size' twice");
  const auto linear_of = [](const std::string& inputs, const std::string& outputs) {
    return R"([{"type":"Linear","options":{"input_size":)" + inputs + R"(,"output_size":)" + outputs + "}}]";
  };
  refuse_architecture(linear_of("18446744073709551615", "2"), "architecture has an option 'input_size' that overflows");
  refuse_architecture(linear_of("18446744073709551616", "2"),
                      "Network: layer 0 (Linear) has an option 'input_size' that is not an integer");
  refuse_architecture(linear_of("9223372036854775807", "2"), "Network: layer 0 (Linear) has sizes whose product overflows");
  refuse_architecture(linear_of("-3", "2"), "Network: layer 0 (Linear) has input_size = -3, expected at least 1");
  refuse_architecture(linear_of("3.0", "2"), "Network: layer 0 (Linear) has an option 'input_size' that is not an integer");

  // Sizes that would fit are compared with the file before any memory is spent on them.
  const test::Allocations allocations;
  refuse_architecture(linear_of("1000000000", "1000000"), "tensor '0.weight' has shape (2, 3), expected (1000000, 1000000000)");
  refuse_architecture(R"([{"type":"LSTM","options":{"input_size":1000000,"hidden_size":1000000}}])",
                      "lacks the tensor '0.weight_ih'");
  refuse_architecture(R"([{"type":"Embedding","options":{"num_embeddings":1000000,"size":1000000000}}])",
                      "tensor '0.weight' has shape");
  CHECK(allocations.largest() < 100000);
}

TEST_CASE("model file: a truncated or damaged file is refused, or is a network") {
  const Bytes whole = to_bytes(Network({embedding(5, 3), lstm(3, 2), dropout(0.5), linear(2, 2)}));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THROWS_AS(from_bytes(Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(size)), "m"), std::runtime_error);
  std::mt19937 random(7);
  int refused = 0, accepted = 0;
  for (int round = 0; round < 10000; ++round) {
    Bytes bytes = whole;
    for (std::size_t wounds = 0; wounds <= random() % 3; ++wounds) {
      char& letter = bytes[8 + random() % (round % 2 ? bytes.size() - 8 : 900)];
      letter = random() % 2 ? char(letter ^ char(1 << random() % 8)) : R"(0123456789{}[]":,\-e)"[random() % 20];
    }
    try {
      from_bytes(bytes, "m");
      ++accepted;
    } catch (const std::runtime_error& error) {
      refused += std::string(error.what()).starts_with("load: m: ");
    }
  }
  CHECK(refused + accepted == 10000);
  CHECK(accepted > 500);
  CHECK(refused > 500);
}

TEST_CASE("architecture: options of every kind survive") {
  const std::vector<LayerSpec> specs{
      {"A", {{"b", true}, {"i", std::int64_t(-5)}, {"d", 0.1}, {"whole", 2.0}, {"s", std::string("x\"\n\u00e4")}}, {{"B", {}}}}};
  CHECK(architecture_from_json(architecture_to_json(specs)) == specs);
}

TEST_CASE("model file: nothing stands before or behind the architecture") {
  const std::string layer = Draft().metadata.at("architecture");
  for (const std::string& text : {layer + '\0', layer + std::string("\0junk", 5), '\0' + layer, "\xEF\xBB\xBF" + layer})
    refuse_architecture(text, "architecture is no valid JSON: it has a NUL or byte order mark");
  for (const std::string& text : {layer + layer, layer + "junk", "junk" + layer})
    refuse_architecture(text, "architecture is no valid JSON near its byte ");
  Draft draft;
  draft.metadata["architecture"] = "\n " + layer + "\t ";
  CHECK(std::get<Network>(from_bytes(encode_safetensors(draft.tensors, draft.metadata))).parameters().size() == 2);
}

TEST_CASE("model file: metadata that nobody reads is refused") {
  Draft draft;
  draft.metadata["comment"] = "x";
  draft.refuse("load: m: has the unused metadata 'comment'");
}

TEST_CASE("model file: an error shows a file's words short and in printable ASCII") {
  const std::string odd = std::string("\n\0\x1B", 3) + std::string(1'000'000, 'x') + "\xF0\x9F\x8E\xB5";
  std::vector<Draft> drafts;
  for (const char* key : {"format", "version", "dtype"}) drafts.emplace_back().metadata[key] = odd;
  drafts.emplace_back().metadata[odd] = "";
  drafts.emplace_back().metadata["architecture"] = '"' + std::string(1'000'000, 'x');
  const std::string word = std::string("\\n\\u0000\\u001b") + std::string(1'000'000, 'x') + "\xF0\x9F\x8E\xB5\"";
  drafts.emplace_back().metadata["architecture"] = R"([{"type":")" + word + "}]";
  drafts.emplace_back().metadata["architecture"] = R"([{")" + word + ":1}]";
  drafts.emplace_back().metadata["architecture"] = R"([{"type":"Linear","options":{")" + word + ":1}}]";
  drafts.emplace_back().metadata["architecture"] = R"([{"type":"LSTM","options":{"kind":")" + word + "}}]";
  drafts.emplace_back().tensors.push_back({odd, "F32", {1}, Draft::numbers});
  for (const Draft& draft : drafts) {
    std::string message;
    try {
      from_bytes(encode_safetensors(draft.tensors, draft.metadata), "m");
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CAPTURE(message.substr(0, 300));
    CHECK(message.starts_with("load: m: "));
    CHECK(message.size() < 3000);
    CHECK(std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

TEST_CASE("model file: the tensors of many layers are matched in little time") {
  std::vector<LayerSpec> layers(30'000, linear(1, 1));
  check_equal(std::get<Network>(from_bytes(to_bytes(Network(layers)))), Network(layers));
}

TEST_CASE("architecture: layers inside layers survive, 64 deep and no deeper") {
  LayerSpec spec{"A", {{"i", std::int64_t(1)}}};
  for (std::size_t depth = 1; depth < max_layer_depth; ++depth) spec = {"A", {{"b", false}}, {spec, {"B", {{"d", 0.5}}}}};
  CHECK_FALSE(is_too_deep(spec));
  CHECK(architecture_from_json(architecture_to_json({spec, spec})) == std::vector<LayerSpec>{spec, spec});

  const LayerSpec deeper{"A", {}, {spec}};
  CHECK(is_too_deep(deeper));
  CHECK_THROWS_WITH_AS(architecture_from_json(architecture_to_json({deeper})), "architecture is nested deeper than 64 layers",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Network(std::vector<LayerSpec>{linear(1, 1), deeper}),
                       "Network: layer 1 (A) has layers nested deeper than 64, the limit", std::invalid_argument);
}
