// Checkpoints: a run stopped anywhere goes on bit for bit, and what does not fit or is damaged is refused.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "io/file.h"
#include "problem.h"
#include "recurra/fit.h"
#include "recurra/model_file.h"
#include "training/fingerprint.h"

namespace {

using namespace recurra;
using Vector = std::vector<double>;
namespace fs = std::filesystem;

// A folder of its own for each test.
struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "recurra-checkpoint-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string file() const { return (path / "run.safetensors").string(); }
  std::size_t count() const { return std::size_t(std::distance(fs::directory_iterator(path), fs::directory_iterator())); }
  fs::path path;
};

// Ragged sequences of ten steps, in three batches of at most seven.
struct Problem {
  static constexpr Index batch = 17, time = 10;
  Problem() : x(test::random_vector(5, batch * time)), y(test::random_vector(6, batch * time)), lengths(batch, time) {
    for (std::size_t i = 0; i < lengths.size(); i += 3) lengths[i] = Index(i % time) + 1;
  }
  Data<double> training() const { return {{x.data(), 12, time, lengths.data()}, {y.data()}}; }
  Data<double> validation() const {
    return {{x.data() + 12 * time, batch - 12, time, lengths.data() + 12}, {y.data() + 12 * time}};
  }
  Vector x, y;
  std::vector<Index> lengths;
};

BasicNetwork<double> fresh_network(std::uint64_t seed = 2) {
  return BasicNetwork<double>({layers::gru(1, 4), layers::dropout(0.3), layers::linear(4, 1)}, seed);
}

// Dropout, shuffling, windows, a schedule, early stopping and an update in every third of a batch.
FitOptions everything(const Optimizer& optimizer = Adam{1e-2}) {
  FitOptions options;
  options.optimizer = optimizer;
  options.schedule = LinearWarmup{1, ReduceOnPlateau{0.5, 0, 0.01}};
  options.window = 4;
  options.epochs = 5;
  options.batch_size = 5;
  options.clip_norm = 1;
  options.seed = 11;
  options.early_stopping = EarlyStopping{3};
  return options;
}

Vector flat(const BasicNetwork<double>& network) { return {network.flat().begin(), network.flat().end()}; }

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void check_same(const History& a, const History& b) {
  REQUIRE(a.epochs.size() == b.epochs.size());
  for (std::size_t i = 0; i < a.epochs.size(); ++i) {
    CHECK(same(a.epochs[i].loss, b.epochs[i].loss));
    CHECK(same(a.epochs[i].validation_loss, b.epochs[i].validation_loss));
    CHECK(a.epochs[i].learning_rate == b.epochs[i].learning_rate);
    CHECK(b.epochs[i].seconds > 0);
  }
  CHECK(a.best_epoch == b.best_epoch);
  CHECK(a.stopped_early == b.stopped_early);
  CHECK(a.interrupted == b.interrupted);
}

const std::vector<Optimizer> optimizers{
    Sgd{0.1}, Sgd{0.1, 0.9, {}, true}, Adam{1e-2}, AdamW{1e-2}, RmsProp{1e-3, 0.9, 1e-8, 0.9, true}, Adagrad{0.1, 0.1}};

}  // namespace

TEST_CASE("checkpoint: a run stopped after any batch goes on to the same bits") {
  const Problem problem;
  const Data<double> training = problem.training(), validation = problem.validation();
  for (const Optimizer& optimizer : optimizers)
    for (const Index every : {0, 1, 4}) {
      CAPTURE(optimizer.index());
      CAPTURE(every);
      BasicNetwork<double> undisturbed = fresh_network();
      const History expected = fit(undisturbed, training, &validation, everything(optimizer));
      for (int stop = 1; stop < 5 * 3; stop += 2) {
        CAPTURE(stop);
        const Folder folder;
        FitOptions options = everything(optimizer);
        options.checkpoint = folder.file();
        options.checkpoint_every = every;
        options.resume = true;  // there is no file yet
        int seen = 0;
        options.on_batch = [&](const Progress&) { return ++seen == stop; };
        BasicNetwork<double> first = fresh_network();
        fit(first, training, &validation, options);
        // The parameters of a network that goes on are replaced.
        BasicNetwork<double> second = fresh_network(fs::exists(folder.file()) ? 99 : 2);
        options.on_batch = {};
        const History history = fit(second, training, &validation, options);
        check_same(expected, history);
        CHECK(flat(second) == flat(undisturbed));
        CHECK(folder.count() == 1);
      }
    }
}

TEST_CASE("checkpoint: a stateful run stopped after any batch goes on to the same bits") {
  const Problem problem;
  const Data<double> training = problem.training();
  Data<double> validation = problem.validation();
  validation.x.batch = 4;
  FitOptions carries = everything();
  carries.shuffle = false;
  carries.stateful = true;
  carries.batch_size = 4;
  BasicNetwork<double> undisturbed = fresh_network();
  const History expected = fit(undisturbed, training, &validation, carries);
  FitOptions forgets = carries;
  forgets.stateful = false;
  BasicNetwork<double> other = fresh_network();
  fit(other, training, &validation, forgets);
  REQUIRE(flat(other) != flat(undisturbed));
  for (const Index every : {1, 4})
    for (int stop = 1; stop < 5 * 3; ++stop) {
      CAPTURE(every);
      CAPTURE(stop);
      const Folder folder;
      FitOptions options = carries;
      options.checkpoint = folder.file();
      options.checkpoint_every = every;
      options.resume = true;
      int seen = 0;
      options.on_batch = [&](const Progress&) { return ++seen == stop; };
      BasicNetwork<double> first = fresh_network();
      fit(first, training, &validation, options);
      BasicNetwork<double> second = fresh_network(fs::exists(folder.file()) ? 99 : 2);
      options.on_batch = {};
      const History history = fit(second, training, &validation, options);
      check_same(expected, history);
      CHECK(flat(second) == flat(undisturbed));
      options.stateful = false;
      CHECK_THROWS_WITH_AS(fit(second, training, &validation, options), doctest::Contains("fit: stateful is off, expected on"),
                           std::invalid_argument);
    }
}

TEST_CASE("checkpoint: the batches already done are not done again") {
  const Problem problem;
  const Folder folder;
  FitOptions options = everything();
  options.checkpoint = folder.file();
  options.checkpoint_every = 1;
  int seen = 0;
  options.on_batch = [&](const Progress&) { return ++seen == 5; };
  BasicNetwork<double> network = fresh_network();
  fit<double>(network, problem.training(), nullptr, options);
  options.resume = true;
  options.on_batch = [&](const Progress& progress) {
    CHECK(progress.epoch == 1);
    CHECK(progress.batch == 3);
    return true;
  };
  const History history = fit<double>(network, problem.training(), nullptr, options);
  CHECK(history.interrupted);
  CHECK(history.epochs.size() == 2);
}

TEST_CASE("checkpoint: an interrupt within a batch or the validation does not harm the run") {
  const Problem problem;
  const Data<double> training = problem.training(), validation = problem.validation();
  BasicNetwork<double> undisturbed = fresh_network();
  const History expected = fit(undisturbed, training, &validation, everything());
  int total = 0;
  FitOptions counting = everything();
  counting.interrupt = [&] { return ++total, false; };
  BasicNetwork<double> counted = fresh_network();
  fit(counted, training, &validation, counting);
  for (int at = 1; at <= total; at += 3) {
    CAPTURE(at);
    const Folder folder;
    FitOptions options = everything();
    options.checkpoint = folder.file();
    options.checkpoint_every = 2;
    int asked = 0;
    options.interrupt = [&] { return ++asked == at; };
    BasicNetwork<double> network = fresh_network();
    CHECK(fit(network, training, &validation, options).interrupted);
    options.interrupt = {};
    options.resume = true;
    network = fresh_network();  // the interrupt may have come before the first checkpoint
    check_same(expected, fit(network, training, &validation, options));
    CHECK(flat(network) == flat(undisturbed));
  }
}

TEST_CASE("checkpoint: a complete run returns at once, and more epochs go on from it") {
  const Problem problem;
  const Data<double> training = problem.training(), validation = problem.validation();
  const Folder folder;
  FitOptions options = everything();
  options.early_stopping = EarlyStopping{100};
  BasicNetwork<double> undisturbed = fresh_network(), network = fresh_network();
  const History expected = fit(undisturbed, training, &validation, options);
  options.checkpoint = folder.file();
  options.resume = true;
  options.epochs = 3;
  fit(network, training, &validation, options);
  options.epochs = 5;
  fit(network, training, &validation, options);
  options.on_batch = [](const Progress&) -> bool { throw std::logic_error("no batch is left"); };
  check_same(expected, fit(network, training, &validation, options));
  CHECK(flat(network) == flat(undisturbed));
  options.epochs = 4;
  const Vector before = flat(network);
  CHECK_THROWS_WITH_AS(fit(network, training, &validation, options),
                       ("fit: epochs is 4, expected at least 5 to resume the run in " + folder.file()).c_str(),
                       std::invalid_argument);
  CHECK(flat(network) == before);
}

TEST_CASE("checkpoint: a run that stopped early stays stopped") {
  const Problem problem;
  const Folder folder;
  FitOptions options = everything(Sgd{0});
  options.early_stopping = EarlyStopping{2};
  options.epochs = 50;
  options.checkpoint = folder.file();
  BasicNetwork<double> network({layers::gru(1, 4), layers::linear(4, 1)}, std::uint64_t(2));
  const History expected = fit<double>(network, problem.training(), nullptr, options);
  REQUIRE(expected.stopped_early);
  options.resume = true;
  options.epochs = 100;
  check_same(expected, fit<double>(network, problem.training(), nullptr, options));
}

TEST_CASE("checkpoint: it is a model with the parameters of the last update") {
  const Problem problem;
  const Folder folder;
  FitOptions options = everything();
  options.early_stopping = {};
  options.checkpoint = folder.file();
  BasicNetwork<double> network = fresh_network();
  fit<double>(network, problem.training(), nullptr, options);
  CHECK(flat(load<double>(folder.file())) == flat(network));
  save(network, folder.file());
  options.resume = true;
  CHECK_THROWS_WITH_AS(fit<double>(network, problem.training(), nullptr, options),
                       doctest::Contains("holds no training run, expected a checkpoint of fit"), std::runtime_error);
}

TEST_CASE("checkpoint: an old file stays until the first epoch is complete") {
  const Problem problem;
  const Folder folder;
  FitOptions options = everything();
  options.checkpoint = folder.file();
  options.checkpoint_every = 1;
  BasicNetwork<double> network = fresh_network();
  fit<double>(network, problem.training(), nullptr, options);
  const std::vector<char> old = read_file(folder.file());
  int batches = 0;
  options.on_batch = [&](const Progress& progress) {
    ++batches;
    CHECK((read_file(folder.file()) == old) == (progress.epoch == 0));
    return progress.epoch == 1;
  };
  network = fresh_network(7);
  fit<double>(network, problem.training(), nullptr, options);
  CHECK(batches == 4);
}

TEST_CASE("checkpoint: another network, data or setting is refused by name, and nothing has changed") {
  const Problem problem;
  const Data<double> training = problem.training(), validation = problem.validation();
  const Folder folder;
  FitOptions good = everything();
  good.checkpoint = folder.file();
  BasicNetwork<double> network = fresh_network();
  fit(network, training, &validation, good);
  const std::vector<char> saved = read_file(folder.file());
  good.resume = true;
  const auto refuse = [&](const std::string& name, auto change) {
    CAPTURE(name);
    FitOptions options = good;
    Problem data;
    BasicNetwork<double> other = fresh_network(5);
    change(options, data, other);
    const Data<double> first = data.training(), second = data.validation();
    const Vector before = flat(other);
    CHECK_THROWS_WITH_AS(fit(other, first, &second, options), doctest::Contains(("fit: " + name + " is ").c_str()),
                         std::invalid_argument);
    CHECK(flat(other) == before);
    CHECK(read_file(folder.file()) == saved);
  };
  using Options = FitOptions;
  using Net = BasicNetwork<double>;
  refuse("loss", [](Options& o, Problem&, Net&) { o.loss = Huber{2}; });
  refuse("optimizer", [](Options& o, Problem&, Net&) { o.optimizer = Sgd{}; });
  refuse("optimizer", [](Options& o, Problem&, Net&) { o.optimizer = Adam{1e-2, 0.9, 0.999, 1e-8, {0, 1e-9}}; });
  refuse("schedule", [](Options& o, Problem&, Net&) { o.schedule = LinearWarmup{1, ReduceOnPlateau{0.5, 1, 0.01}}; });
  refuse("window", [](Options& o, Problem&, Net&) { o.window = 0; });
  refuse("batch_size", [](Options& o, Problem&, Net&) { o.batch_size = 6; });
  refuse("clip_norm", [](Options& o, Problem&, Net&) { o.clip_norm = std::nextafter(1., 2.); });
  refuse("clip_value", [](Options& o, Problem&, Net&) { o.clip_value = 1; });
  refuse("shuffle", [](Options& o, Problem&, Net&) { o.shuffle = false; });
  refuse("seed", [](Options& o, Problem&, Net&) { o.seed = 12; });
  refuse("early_stopping", [](Options& o, Problem&, Net&) { o.early_stopping = {}; });
  refuse("early_stopping", [](Options& o, Problem&, Net&) { o.early_stopping->min_delta = 1e-3; });
  refuse("the network", [](Options&, Problem&, Net& n) { n = Net({layers::gru(1, 5), layers::linear(5, 1)}); });
  refuse("the hash of the training data", [](Options&, Problem& p, Net&) { p.x[11] += 1e-9; });
  refuse("the hash of the training data", [](Options&, Problem& p, Net&) { p.y[11 * 10] += 1e-9; });
  refuse("the hash of the training data", [](Options&, Problem& p, Net&) { p.lengths[1] = 9; });
  refuse("the hash of the training data", [](Options&, Problem& p, Net&) { std::swap(p.x[10], p.x[11]); });
  refuse("the hash of the validation data", [](Options&, Problem& p, Net&) { p.y[13 * 10] += 1e-9; });

  // What lies behind a sequence's end is no data.
  Problem padded;
  padded.x[5] = padded.y[7] = std::nan("");
  const Data<double> same_training = padded.training();
  CHECK_NOTHROW(fit(network, same_training, &validation, good));
  CHECK_THROWS_WITH_AS(fit<double>(network, training, nullptr, good),
                       doctest::Contains("fit: the hash of the validation data is none"), std::invalid_argument);

  const std::vector<float> x(problem.x.begin(), problem.x.end()), y(problem.y.begin(), problem.y.end());
  BasicNetwork<float> single(network.layers(), std::uint64_t(0));
  CHECK_THROWS_WITH_AS(fit<float>(single, {{x.data(), 12, 10}, {y.data()}}, nullptr, good),
                       doctest::Contains("fit: dtype is float32, expected float64 to resume the run in "), std::invalid_argument);
}

TEST_CASE("checkpoint: the hash of data knows where each sequence ends, also where all values are equal") {
  const BasicNetwork<double> network({layers::linear(1, 1)});
  const Vector zeros(6);
  const std::vector<Index> short_first{1, 2}, long_first{2, 1};
  const auto hash = [&](const std::vector<Index>& lengths, Index batch, Index time) {
    return fingerprint<double>(network, {{zeros.data(), batch, time, lengths.data()}, {zeros.data()}}, Loss::mse);
  };
  CHECK(hash(short_first, 2, 3) == hash(short_first, 2, 3));
  CHECK(hash(short_first, 2, 3) != hash(long_first, 2, 3));
  CHECK(hash(short_first, 2, 3) != hash(short_first, 2, 2));
  const Data<double> data{{zeros.data(), 2, 3}, {zeros.data()}};
  CHECK(fingerprint(network, data, Loss::mse) == fingerprint(network, data, Loss::mae));
}

TEST_CASE("checkpoint: a damaged file is refused, and nothing has changed") {
  const Problem problem;
  const Folder folder;
  FitOptions options = everything();
  options.checkpoint = folder.file();
  options.epochs = 1;
  BasicNetwork<double> network = fresh_network();
  fit<double>(network, problem.training(), nullptr, options);
  const std::vector<char> good = read_file(folder.file());
  options.resume = true;
  const Vector before = flat(network);
  int refused = 0;
  const auto attempt = [&](const std::vector<char>& bytes) {
    write_file(folder.file(), bytes);
    BasicNetwork<double> other = network;
    try {
      fit<double>(other, problem.training(), nullptr, options);  // a run of one epoch: nothing is left to train
    } catch (const std::runtime_error& error) {
      ++refused;
      CHECK(std::string(error.what()).find(folder.file()) != std::string::npos);
      CHECK(flat(other) == before);
    } catch (const std::invalid_argument&) {  // another setting, as it seems
      ++refused;
      CHECK(flat(other) == before);
    }
  };
  for (std::size_t size = 0; size < good.size(); size += size < 200 ? 7 : 97)
    attempt({good.begin(), good.begin() + std::ptrdiff_t(size)});
  CHECK(refused > 30);
  std::uint64_t header = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | std::uint8_t(good[std::size_t(i)]);
  const int truncations = refused;
  for (std::size_t i = 0; i < 8 + header; ++i)
    for (const char bit : {1, 16}) {
      std::vector<char> bad = good;
      bad[i] = char(bad[i] ^ bit);
      attempt(bad);
    }
  CHECK(refused - truncations > int(1.8 * double(header)));
}

TEST_CASE("checkpoint: a folder that vanishes ends the training, and the network keeps its parameters") {
  const Problem problem;
  auto folder = std::make_unique<Folder>();
  FitOptions options = everything();
  options.early_stopping = {};
  options.checkpoint = folder->file();
  options.on_epoch = [&](int epoch, const Epoch&) {
    if (epoch == 1) folder.reset();
    return false;
  };
  BasicNetwork<double> network = fresh_network(), expected = fresh_network();
  CHECK_THROWS_AS(fit<double>(network, problem.training(), nullptr, options), std::system_error);
  FitOptions three = everything();
  three.early_stopping = {};
  three.epochs = 3;
  fit<double>(expected, problem.training(), nullptr, three);
  CHECK(flat(network) == flat(expected));
}

TEST_CASE("checkpoint: what cannot be is refused before the first update") {
  const Problem problem;
  const Folder folder;
  BasicNetwork<double> network = fresh_network();
  const Vector before = flat(network);
  FitOptions options = everything();
  options.checkpoint = (folder.path / "none" / "run").string();
  CHECK_THROWS_WITH_AS(fit<double>(network, problem.training(), nullptr, options),
                       doctest::Contains("cannot write into its folder"), std::system_error);
  options.checkpoint = "";
  options.resume = true;
  CHECK_THROWS_WITH_AS(fit<double>(network, problem.training(), nullptr, options),
                       "fit: resume is given without a checkpoint, expected its file", std::invalid_argument);
  options.resume = false;
  options.checkpoint_every = 5;
  CHECK_THROWS_WITH_AS(fit<double>(network, problem.training(), nullptr, options),
                       "fit: checkpoint_every is given without a checkpoint, expected its file", std::invalid_argument);
  CHECK(flat(network) == before);
}
