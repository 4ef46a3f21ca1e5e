// The file of an online learner: one that was stopped at any step goes on with the same bits; bad files are refused, and nothing
// has changed.
#include <doctest/doctest.h>

#include <filesystem>

#include "io/file.h"
#include "online_run.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using Vector = std::vector<double>;
namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "recurra-online-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name = "learner") const { return (path / (name + ".safetensors")).string(); }
  fs::path path;
};

bool has_influence(const OnlineRule& rule) { return !std::holds_alternative<RollingBptt>(rule); }

// All that a learner can tell: weights, states, latest gradient, influence of the first and the last parameter, counts.
Vector told(BasicNetwork<double>& network, BasicOnline<double>& learner, bool influence) {
  Vector all(network.flat().begin(), network.flat().end());
  const BasicState<double> state = learner.state();
  for (Index row = 0; row < state.batch(); ++row) all.insert(all.end(), state.row(row).begin(), state.row(row).end());
  all.insert(all.end(), learner.gradient().begin(), learner.gradient().end());
  for (const std::string& name : {network.parameters().front().name, network.parameters().back().name})
    if (influence) {
      const Vector some = learner.influence(name);
      all.insert(all.end(), some.begin(), some.end());
    }
  const OnlineReport report = learner.report();
  for (const std::uint64_t count : {report.steps, report.updates, report.guard_events}) all.push_back(double(count));
  return all;
}

// One step and all that happens around it: rows are reset, some steps have no target, some a teacher; weights of rows differ.
Vector step(BasicOnline<double>& learner, const test::OnlineData& data, Index t) {
  if (t % 9 == 4) learner.reset(t % data.batch);
  Vector y(std::size_t(data.batch * data.outputs)), weights(std::size_t(data.batch), 0.5);
  weights.front() = t % 4 ? 1 : 0;
  learner.step(data.input(t), y, t % 5 == 2 ? Target<double>{} : data.target(t), weights,
               t % 3 == 1 ? data.teacher(t) : std::span<const double>{});
  return y;
}

void check_resumes(const std::vector<LayerSpec>& specs, const OnlineOptions& options, Index steps) {
  const Folder folder;
  BasicNetwork<double> network = test::drawn_network(specs, 0.5);
  const test::OnlineData data(network, steps, options.batch);
  BasicOnline<double> learner(network, options);
  std::vector<Vector> outputs;
  for (Index t = 0; t < steps; ++t) {
    learner.save(folder.file(std::to_string(t)));
    outputs.push_back(step(learner, data, t));
  }
  const bool influence = has_influence(options.rule);
  const Vector expected = told(network, learner, influence);
  CHECK(learner.report().guard_events == 0);
  CHECK(learner.report().updates > 0);
  for (Index stopped = 0; stopped < steps; ++stopped) {
    CAPTURE(stopped);
    BasicNetwork<double> fresh(specs, std::uint64_t(99));
    BasicOnline<double> resumed(fresh, options);
    for (Index t = 0; t < stopped % 3; ++t) step(resumed, data, t);  // what it had learned goes
    resumed.load(folder.file(std::to_string(stopped)));
    bool same = true;
    for (Index t = stopped; t < steps; ++t) same = step(resumed, data, t) == outputs[std::size_t(t)] && same;
    CHECK(same);
    CHECK(told(fresh, resumed, influence) == expected);
  }
}

std::string message(const auto& call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("online: a learner stopped at any step goes on with the same bits") {
  const std::vector<std::vector<LayerSpec>> networks{
      {lstm(3, 4, {{"learned_initial_state", true}}), gru(4, 3), linear(3, 2)},
      {delay(2, {{"input_size", std::int64_t(2)}}), feedback({linear(6 + 4, 3), layers::tanh(), linear(3, 2)}, 2), delay(1)},
      {embedding(5, 3), elman(3, 3), linear(3, 2)},
  };
  for (const auto& specs : networks)
    for (const OnlineRule& rule : {OnlineRule(Rtrl{1}), OnlineRule(Rtrl{7}), OnlineRule(Rtrl{0}), OnlineRule(Uoro{3}),
                                   OnlineRule(RollingBptt{1}), OnlineRule(RollingBptt{5})})
      for (const Index batch : {1, 3})
        for (const Index every : {1, 3}) {
          if (&specs != &networks.front() && batch != every) continue;
          CAPTURE(to_string(specs.front()));
          CAPTURE(rule.index());
          CAPTURE(batch);
          CAPTURE(every);
          check_resumes(
              specs,
              {.rule = rule, .optimizer = Adam{.learning_rate = 1e-2}, .batch = batch, .update_every = every, .clip_norm = 0.5},
              17);
        }
}

TEST_CASE("online: after an event of the guard, too") {
  for (const OnlineRule& rule : {OnlineRule(Rtrl{1}), OnlineRule(Rtrl{7}), OnlineRule(Uoro{3}), OnlineRule(RollingBptt{9})}) {
    CAPTURE(rule.index());
    const Folder folder;
    BasicNetwork<double> network = test::drawn_network({elman(2, 3), linear(3, 1)}, 2), fresh = network;
    const OnlineOptions options{.rule = rule, .batch = 2, .update_every = 3, .guard = 2};
    const test::OnlineData data(network, 60, 2);
    BasicOnline<double> learner(network, options);
    for (Index t = 0; t < 30; ++t) step(learner, data, t);
    CHECK(learner.report().guard_events > 0);
    learner.save(folder.file());
    BasicOnline<double> resumed(fresh, options);
    resumed.load(folder.file());
    for (Index t = 30; t < 60; ++t) CHECK(step(learner, data, t) == step(resumed, data, t));
    CHECK(told(network, learner, has_influence(rule)) == told(fresh, resumed, has_influence(rule)));
  }
}

TEST_CASE("online: files of other learners and networks are refused by what they are") {
  const Folder folder;
  const std::vector<LayerSpec> specs{elman(2, 3), linear(3, 1)};
  BasicNetwork<double> network = test::drawn_network(specs, 0.5);
  const test::OnlineData data(network, 20, 2);
  const OnlineOptions options{.rule = Rtrl{7}, .optimizer = Adam{}, .batch = 2, .clip_norm = 1.0};
  BasicOnline<double> learner(network, options);
  for (Index t = 0; t < 10; ++t) step(learner, data, t);
  const Vector before = told(network, learner, true);

  const auto refused = [&](OnlineOptions other, const std::string& what) {
    BasicNetwork<double> copy = network;
    BasicOnline<double>(copy, other).save(folder.file());
    const std::string text = message([&] { learner.load(folder.file()); });
    CAPTURE(text);
    CHECK(text.find(what) != std::string::npos);
    CHECK(text.find(folder.file()) != std::string::npos);
    CHECK(told(network, learner, true) == before);
  };
  const auto changed = [&](const auto& change) {
    OnlineOptions other = options;
    change(other);
    return other;
  };
  refused(changed([](OnlineOptions& o) { o.rule = Rtrl{8}; }), "RTRL(block=8)");
  refused(changed([](OnlineOptions& o) { o.rule = Uoro{4}; }), "UORO(seed=4)");
  refused(changed([](OnlineOptions& o) { o.rule = RollingBptt{7}; }), "BPTT(window=7)");
  refused(changed([](OnlineOptions& o) { o.optimizer = Adam{.learning_rate = 0.5}; }), "0.5");
  refused(changed([](OnlineOptions& o) { o.optimizer = Sgd{}; }), "SGD");
  refused(changed([](OnlineOptions& o) { o.loss = Loss::mae; }), "mae");
  refused(changed([](OnlineOptions& o) { o.batch = 3; }), "batch=3");
  refused(changed([](OnlineOptions& o) { o.update_every = 2; }), "update_every=2");
  refused(changed([](OnlineOptions& o) { o.leak = 0.25; }), "leak=0.25");
  refused(changed([](OnlineOptions& o) { o.clip_norm.reset(); }), "clip_norm=none");
  refused(changed([](OnlineOptions& o) { o.guard = 77; }), "guard=77");

  const auto refused_file = [&](const std::string& what) {
    const std::string text = message([&] { learner.load(folder.file()); });
    CAPTURE(text);
    CHECK(text.find(what) != std::string::npos);
    CHECK(told(network, learner, true) == before);
  };
  BasicNetwork<double> wider({elman(2, 4), linear(4, 1)}, std::uint64_t(1));
  BasicOnline<double>(wider, options).save(folder.file());
  refused_file("holds another network than the learner's");
  Network single(specs, std::uint64_t(1));
  Online(single, options).save(folder.file());
  refused_file("holds another network than the learner's");
  save(network, folder.file());
  refused_file("holds no online learner, expected a file that its save() wrote");
  fs::remove(folder.file());
  CHECK_THROWS_AS(learner.load(folder.file()), std::system_error);
  CHECK_THROWS_AS(learner.save((folder.path / "no" / "such").string()), std::system_error);
  CHECK(told(network, learner, true) == before);
}

TEST_CASE("online: a damaged file is refused or holds other numbers; nothing outside it is touched") {
  for (const OnlineRule& rule : {OnlineRule(Rtrl{5}), OnlineRule(Uoro{}), OnlineRule(RollingBptt{5})}) {
    const Folder folder;
    const std::vector<LayerSpec> specs{embedding(4, 2), elman(2, 2), feedback({linear(2 + 1, 1)})};
    const OnlineOptions options{.rule = rule, .optimizer = Adam{}, .batch = 2};
    BasicNetwork<double> network = test::drawn_network(specs, 0.5);
    const test::OnlineData data(network, 20, 2);
    BasicOnline<double> learner(network, options);
    for (Index t = 0; t < 13; ++t) step(learner, data, t);
    learner.save(folder.file());
    const std::vector<char> good = read_file(folder.file());
    const Vector before = told(network, learner, has_influence(rule));
    int refused = 0;
    const auto attempt = [&](const std::vector<char>& bytes) {
      write_file(folder.file(), bytes);
      try {
        learner.load(folder.file());
        step(learner, data, 14);
        learner.reset();
        write_file(folder.file(), good);
        learner.load(folder.file());
      } catch (const std::runtime_error&) {
        ++refused;
      }
      return told(network, learner, has_influence(rule)) == before;
    };
    bool unchanged = true;
    for (std::size_t size = 0; size < good.size(); size += size < 200 ? 7 : 397)
      unchanged = attempt({good.begin(), good.begin() + std::ptrdiff_t(size)}) && unchanged;
    CHECK(refused > 20);
    const int truncations = refused;
    std::uint64_t header = 0;
    for (int i = 7; i >= 0; --i) header = header << 8 | std::uint8_t(good[std::size_t(i)]);
    int tried = 0;
    for (std::size_t i = 0; i < 8 + header; i += 17, ++tried) {
      std::vector<char> bad = good;
      bad[i] = char(bad[i] ^ (i % 2 ? 1 : 16));
      unchanged = attempt(bad) && unchanged;
    }
    CHECK(refused - truncations > tried / 2);
    for (std::size_t i = 8 + header; i < good.size(); i += 53) {  // values; many are numbers as good as others
      std::vector<char> bad = good;
      bad[i] = char(0xff);
      bad[i - i % 8 + 6] = bad[i - i % 8 + 7] = char(0xff);  // a NaN, where it is aligned
      unchanged = attempt(bad) && unchanged;
    }
    CHECK(unchanged);
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
  const Vector before = told(network, learner, true);
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
    CHECK(told(network, learner, true) == before);
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
