// Files of online learners that are damaged, or written by somebody else: of every rule they are refused, and the learner goes on
// as if nothing had happened, or they hold other numbers, which do no harm.
#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "online_file_problem.h"
#include "safetensors_problem.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::Folder, test::message, test::step, test::Vector;
using Bytes = std::vector<char>;
using Json = nlohmann::json;

// A learner of two rows in the middle of what it does, its file, and what files do to it.
struct Case {
  Case(const std::vector<LayerSpec>& specs, const OnlineOptions& options)
      : network(test::drawn_network(specs, 0.5)), data(network, 20, options.batch), learner(network, options) {
    for (Index t = 0; t < 13; ++t) step(learner, data, t);
    good = saved();
  }

  Bytes saved() {
    learner.save(folder.file("now"));
    return read_file(folder.file("now"));
  }

  // Why it refuses a file, having changed in nothing; empty: it took it, went on with it, and could go back.
  std::string refusal(const Bytes& bytes) {
    write_file(folder.file(), bytes);
    const std::string text = message([&] { learner.load(folder.file()); });
    if (text.empty()) {
      try {
        for (Index t = 13; t < 20; ++t) step(learner, data, t);
      } catch (const std::overflow_error&) {  // other numbers
      }
      write_file(folder.file(), good);
      learner.load(folder.file());
    }
    unchanged = unchanged && saved() == good;
    return text;
  }

  Folder folder;
  BasicNetwork<double> network;
  test::OnlineData data;
  BasicOnline<double> learner;
  Bytes good;
  bool unchanged = true;
};

// All rules, each on a network that it admits.
std::vector<std::pair<std::vector<LayerSpec>, OnlineOptions>> cases() {
  const auto stack = [](const LayerSpec& cell) { return std::vector<LayerSpec>{embedding(4, 2), cell, linear(2, 1)}; };
  const std::vector<LayerSpec> any{embedding(4, 2), elman(2, 2), feedback({linear(2 + 1, 1)})};
  std::vector<std::pair<std::vector<LayerSpec>, OnlineOptions>> all;
  const auto add = [&](const std::vector<LayerSpec>& specs, const OnlineRule& rule) {
    all.push_back({specs, {.rule = rule, .optimizer = Adam{}, .batch = 2, .update_every = 2}});
  };
  for (const OnlineRule& rule :
       {OnlineRule(Rtrl{5}), OnlineRule(Rtrl{5, Rtrl::Scope::layer}), OnlineRule(Uoro{}), OnlineRule(RollingBptt{5})})
    add(any, rule);
  add({cell_layer("ELSTM", 2, 2), linear(2, 1)}, Rtrl{0});
  for (const OnlineRule& rule : {OnlineRule(SnAp{}), OnlineRule(EProp{}), OnlineRule(KfRtrl{})}) add(stack(lstm(2, 2)), rule);
  add(stack(cell_layer("LeakyElman(activation=tanh)", 2, 2)), Rflo{});
  return all;
}

// What a file holds, to be put together again with something wrong in it.
struct Parts {
  struct Values {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::vector<double> values;
  };
  explicit Parts(const Bytes& bytes) {
    const Safetensors file = decode_safetensors(bytes, "the good file");
    metadata = file.metadata;
    training = Json::parse(metadata.at("training"));
    for (const auto& [name, entry] : file.tensors) {
      Values& to = tensors[name];
      to = {entry.dtype, entry.shape, std::vector<double>((entry.end - entry.begin) / sizeof(double))};
      std::copy_n(file.data.data() + entry.begin, entry.end - entry.begin, reinterpret_cast<char*>(to.values.data()));
    }
  }
  Bytes bytes() {
    metadata["training"] = training.dump();
    std::vector<Tensor> all;
    for (const auto& [name, of] : tensors) all.push_back({name, of.dtype, of.shape, of.values.data()});
    return encode_safetensors(all, metadata);
  }
  void resize(const std::string& name, std::size_t size) {
    Values& of = tensors.at(name);
    of.values.resize(size);
    of.shape = {std::int64_t(size)};
  }

  std::map<std::string, std::string> metadata;
  Json training;
  std::map<std::string, Values> tensors;
};

bool contains(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("online: a damaged file is refused or holds other numbers; nothing outside it is touched") {
  for (const auto& [specs, options] : cases()) {
    CAPTURE(options.rule.index());
    Case c(specs, options);
    int refused = 0, tried = 0;
    for (std::size_t size = 0; size < c.good.size(); size += size < 200 ? 7 : 397, ++tried)
      refused += !c.refusal({c.good.begin(), c.good.begin() + std::ptrdiff_t(size)}).empty();
    CHECK(refused == tried);
    const std::size_t header = 8 + test::header_of(c.good).size();
    refused = tried = 0;
    for (std::size_t i = 0; i < header; i += 17, ++tried) {
      Bytes bad = c.good;
      bad[i] = char(bad[i] ^ (i % 2 ? 1 : 16));
      refused += !c.refusal(bad).empty();
    }
    CHECK(refused > tried / 2);
    for (std::size_t i = header; i < c.good.size(); i += 53) {  // values; many are numbers as good as others
      Bytes bad = c.good;
      bad[i] = char(0xff);
      bad[i - i % 8 + 6] = bad[i - i % 8 + 7] = char(0xff);  // a NaN, where it is aligned
      c.refusal(bad);
    }
    CHECK(c.unchanged);
  }
}

TEST_CASE("online: each vector of a file is there, as long as it should be, and of numbers") {
  for (const auto& [specs, options] : cases()) {
    CAPTURE(options.rule.index());
    Case c(specs, options);
    const Parts good(c.good);
    REQUIRE(Parts(good).bytes() == c.good);
    const auto refused = [&](const std::string& name, const auto& change) {
      Parts bad = good;
      change(bad);
      const std::string text = c.refusal(bad.bytes());
      CAPTURE(name);
      CAPTURE(text);
      CHECK(contains(text, name));
    };
    const std::string prefix = "training.online.";
    int found = 0;
    for (const auto& [whole, of] : good.tensors) {
      const std::string& full = whole;
      const auto spoil = [&](Parts& p) { p.tensors.at(full).values.back() = std::numeric_limits<double>::quiet_NaN(); };
      if (!full.starts_with(prefix)) {
        refused("has parameters that are not finite", spoil);
        continue;
      }
      ++found;
      const std::string name = full.substr(prefix.size());
      const std::size_t size = of.values.size();
      refused(name, [&](Parts& p) { p.tensors.erase(full); });
      refused(name, [&](Parts& p) { p.resize(full, size + 1); });
      refused(name, [&](Parts& p) { p.tensors.at(full).shape = {1, std::int64_t(size)}; });
      if (size == 0) continue;
      refused(name, [&](Parts& p) { p.resize(full, size - 1); });
      refused(name, [&](Parts& p) { p.resize(full, 0); });
      refused(name, [&](Parts& p) { p.tensors.at(full).dtype = "F32"; });
      refused(name, spoil);
    }
    CHECK(found > 5);
    refused("nobody", [&](Parts& p) { p.tensors[prefix + "nobody"] = {"F64", {1}, {1.0}}; });
    CHECK(c.unchanged);
  }
}

TEST_CASE("online: each number of a file is one that a learner may have counted to") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
  for (const auto& [specs, options] : cases()) {
    CAPTURE(options.rule.index());
    Case c(specs, options);
    const Parts good(c.good);
    const auto refusal = [&](const auto& change) {
      Parts bad = good;
      change(bad.training.at("numbers"));
      return c.refusal(bad.bytes());
    };
    int found = 0;
    for (const auto& [key, value] : good.training.at("numbers").items()) {
      ++found;
      const std::string& name = key;
      CAPTURE(name);
      CHECK(contains(refusal([&](Json& all) { all.erase(name); }), name));
      for (const Json& bad : {Json(-1), Json(most), Json(most / 2 + 2), Json(least), Json(std::uint64_t(most) + 1),
                              Json(std::numeric_limits<std::uint64_t>::max()), Json(0.5), Json(1e300), Json(nullptr), Json(true),
                              Json("1"), Json::array({1})}) {
        const std::string text = refusal([&](Json& all) { all[name] = bad; });
        CAPTURE(text);
        CHECK(contains(text, "'" + name + "' is " + bad.dump() + ", expected 0 .. 4611686018427387904"));
      }
      for (const std::int64_t other : {most / 2 + 1, std::int64_t(1) << 40, std::int64_t(100), value.get<std::int64_t>() + 1})
        refusal([&](Json& all) { all[name] = other; });  // taken or not, it does no harm
      if (name.ends_with(".learned") || name.ends_with("taught") || name.ends_with("influence"))
        CHECK(contains(refusal([&](Json& all) { all[name] = 2; }), "'" + name + "' is 2, expected 0 .. 1"));
    }
    CHECK(found > 8);
    CHECK(contains(refusal([](Json& all) { all["nobody"] = 1; }), "nobody"));
    CHECK(contains(refusal([](Json& all) { all = Json::array({1}); }), "its training data cannot be used"));
    CHECK(contains(refusal([](Json& all) { all["updates"] = 14; }), "'updates' is 14, expected 0 .. 13"));
    CHECK(contains(refusal([](Json& all) { all["optimizer.updates"] = 1; }), "'optimizer.updates' is 1, expected 6 .. 13"));
    CHECK(contains(refusal([](Json& all) { all["learned"] = 2; }), "'learned' is 2, expected 0 .. 1"));
    CHECK(contains(refusal([](Json& all) { all["learned"] = 0, all["spoiled"] = 1; }), "'spoiled' is 1, expected 0 .. 0"));
    if (std::holds_alternative<RollingBptt>(options.rule))
      CHECK(contains(refusal([](Json& all) { all["row1.from_start"] = 2; }), "'row1.from_start' is 2, expected 0 .. 1"));
    CHECK(c.unchanged);
  }
}

TEST_CASE("online: a file that contradicts itself is refused by what is wrong with it") {
  const Folder folder;
  const std::vector<LayerSpec> specs{embedding(4, 2), elman(2, 2), linear(2, 1)};
  const OnlineOptions options{.rule = Rtrl{8}, .optimizer = Sgd{}, .update_every = 4};
  BasicNetwork<double> network = test::drawn_network(specs, 0.5);
  const test::OnlineData data(network, 20);
  BasicOnline<double> learner(network, options);
  for (Index t = 0; t < 3; ++t) learner.step(data.input(t), {}, data.target(t));
  learner.save(folder.file());
  const std::vector<char> good = read_file(folder.file());
  const Vector before = test::told(network, learner, true);
  // Puts a text as long as `from` in its place.
  const auto refused = [&](const std::string& from, const std::string& to, const std::string& what) {
    REQUIRE(from.size() == to.size());
    std::vector<char> bad = good;
    const auto at = std::search(bad.begin(), bad.end(), from.begin(), from.end());
    CAPTURE(from);
    REQUIRE(at != bad.end());
    std::copy(to.begin(), to.end(), at);
    write_file(folder.file(), bad);
    const std::string text = message([&] { learner.load(folder.file()); });
    CAPTURE(text);
    CHECK(text.find(what) != std::string::npos);
    CHECK(test::told(network, learner, true) == before);
  };
  refused(R"(block.steps\":3)", R"(block.steps\":9)", "has 9 steps, expected 0 .. 8");
  refused(R"(block.steps\":3)", R"(block.steps\":4)", "has no 'row0.block.3.");
  refused(R"(block.last_learned\":3)", R"(block.last_learned\":9)", "does not tell which step learned last");
  refused(R"(0.version\":0)", R"(0.version\":7)", "has a step with weights of version 7, which are not there");
  refused(R"(\"version\":0)", R"(\"version\":3)", "has no 'weights.");
  refused(R"(training.online.sum)", R"(training.online.sun)", "has no 'sum'");
  refused(R"(\"steps\":3)", R"(\"steps\":x)", "its training data cannot be used");
  refused(R"(\"online\":1)", R"(\"online\":2)", "is of another version");
}
