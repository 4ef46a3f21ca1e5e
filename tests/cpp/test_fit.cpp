// fit: learns, repeats itself, stops where it is asked to, and keeps the network usable whatever happens.
#include <doctest/doctest.h>

#include <stdexcept>
#include <tuple>

#include "problem.h"
#include "recurra/fit.h"
#include "translation_problem.h"

namespace {

using namespace recurra;
using test::difference;
using Vector = std::vector<double>;

// Says again, after two steps, what it heard: y[t] = x[t - 2].
struct Echo {
  static constexpr Index batch = 24, time = 10;
  Echo() : lengths(batch, time) {
    x = test::random_vector(5, batch * time);
    target.assign(x.size(), 0.0);
    for (std::size_t i = 0; i < x.size(); ++i)
      if (i % time >= 2) target[i] = x[i - 2];
    for (std::size_t i = 0; i < lengths.size(); i += 3) lengths[i] = Index(i % time) + 1;
  }
  Data<double> data() const { return {{x.data(), batch, time, lengths.data()}, {target.data()}}; }
  Vector x, target;
  std::vector<Index> lengths;
};

BasicNetwork<double> small_network() { return BasicNetwork<double>({layers::gru(1, 8), layers::linear(8, 1)}, std::uint64_t(2)); }

FitOptions few_epochs() {
  FitOptions options;
  options.optimizer = Adam{1e-2};
  options.epochs = 3;
  options.batch_size = 5;
  options.seed = 9;
  return options;
}

Vector flat(const BasicNetwork<double>& network) { return {network.flat().begin(), network.flat().end()}; }

}  // namespace

TEST_CASE("fit: fit lowers the loss, and its history tells it") {
  const Echo echo;
  const Data<double> data = echo.data();
  for (const Index window : {0, 5}) {
    CAPTURE(window);
    BasicNetwork<double> network = small_network();
    FitOptions options;
    options.optimizer = Adam{2e-2};
    options.epochs = 60;
    options.batch_size = 8;
    options.window = window;
    options.clip_norm = 1;
    const double before = evaluate(network, data, Loss::mse);
    const History history = fit(network, data, &data, options);
    CHECK_FALSE(history.interrupted);
    REQUIRE(history.epochs.size() == 60);
    const double after = evaluate(network, data, Loss::mse, options.batch_size);
    CHECK(after < 0.1 * before);
    CHECK(history.epochs.back().validation_loss == after);
    CHECK(history.epochs.back().loss < 0.2 * history.epochs.front().loss);
    CHECK(history.epochs.front().loss < 2 * before);
  }
}

TEST_CASE("fit: evaluate is the mean over all entries, whatever the batch size") {
  const Echo echo;
  const BasicNetwork<double> network = small_network();
  BasicRunner<double> runner(network);
  const double whole = runner.loss(echo.data().x, echo.data().target, Loss::mse);
  for (const Index size : {1, 5, 24, 100}) CHECK(difference(evaluate(network, echo.data(), Loss::mse, size), whole) < 1e-14);
  CHECK_THROWS_WITH_AS(evaluate(network, echo.data(), Loss::mse, 0), "evaluate: batch_size is 0, expected at least 1",
                       std::invalid_argument);
}

TEST_CASE("fit: one batch of SGD is one step down its gradient, clipped if asked") {
  const Echo echo;
  for (const double limit : {0.0, 1e-3}) {
    BasicNetwork<double> network = small_network();
    Vector gradient(network.flat().size()), expected = flat(network);
    BasicRunner<double>(network).loss_and_gradient(echo.data().x, echo.data().target, Loss::mse, gradient.data());
    if (limit > 0) clip_norm<double>(gradient, limit);
    for (std::size_t i = 0; i < gradient.size(); ++i) expected[i] -= 0.5 * gradient[i];
    FitOptions options;
    options.optimizer = Sgd{0.5};
    options.epochs = 1;
    options.clip_norm = limit;
    fit(network, echo.data(), static_cast<const Data<double>*>(nullptr), options);
    CHECK(difference(network.flat(), expected) < 1e-14);
  }
}

TEST_CASE("fit: the seed decides the order of the rows and the dropout masks, and nothing else does") {
  const Echo echo;
  const auto trained = [&](std::uint64_t seed, bool shuffle, double probability) {
    BasicNetwork<double> network({layers::gru(1, 8), layers::dropout(probability), layers::linear(8, 1)}, std::uint64_t(2));
    FitOptions options = few_epochs();
    options.seed = seed;
    options.shuffle = shuffle;
    options.window = 4;
    fit(network, echo.data(), static_cast<const Data<double>*>(nullptr), options);
    return flat(network);
  };
  for (const bool shuffle : {false, true})
    for (const double probability : {0.0, 0.3}) {
      CAPTURE(shuffle);
      CAPTURE(probability);
      const Vector one = trained(1, shuffle, probability), other = trained(2, shuffle, probability);
      CHECK(one == trained(1, shuffle, probability));
      CHECK((one != other) == (shuffle || probability > 0));
    }
}

namespace {

// Long rows cut into batches that go on: piece k of row i is row i of batch k.
struct Pieces {
  static constexpr Index rows = 4, pieces = 3, length = 6, time = pieces * length;
  Pieces() : x(test::random_vector(21, rows * time)), y(test::random_vector(22, rows * time)), cut_x(x), cut_y(y) {
    for (Index i = 0; i < rows * time; ++i) {
      const Index to = ((i % time / length) * rows + i / time) * length + i % length;
      cut_x[std::size_t(to)] = x[std::size_t(i)];
      cut_y[std::size_t(to)] = y[std::size_t(i)];
    }
  }
  Data<double> whole() const { return {{x.data(), rows, time}, {y.data()}}; }
  Data<double> cut(const Index* lengths = nullptr) const {
    return {{cut_x.data(), rows * pieces, length, lengths}, {cut_y.data()}};
  }
  Vector x, y, cut_x, cut_y;
};

BasicNetwork<double> carrying_network() {
  return BasicNetwork<double>({layers::lstm(1, 5, {{"learned_initial_state", true}}), layers::gru(5, 4), layers::linear(4, 1)},
                              std::uint64_t(2));
}

FitOptions stateful(Index window = 0) {
  FitOptions options = few_epochs();
  options.batch_size = Pieces::rows;
  options.shuffle = false;
  options.stateful = true;
  options.window = window;
  return options;
}

}  // namespace

TEST_CASE("fit: stateful batches are windows of long sequences, update by update, and so is the validation") {
  const Pieces pieces;
  const Data<double> whole = pieces.whole(), cut = pieces.cut();
  for (const Index window : {6, 3}) {
    CAPTURE(window);
    BasicNetwork<double> expected = carrying_network(), network = carrying_network(), forgetful = carrying_network();
    FitOptions long_rows = stateful(window);
    long_rows.stateful = false;
    const History wanted = fit(expected, whole, &whole, long_rows);
    const History history = fit(network, cut, &cut, stateful(window));
    CHECK(difference(network.flat(), expected.flat()) < 1e-13);
    for (std::size_t i = 0; i < wanted.epochs.size(); ++i) {
      CHECK(history.epochs[i].loss == doctest::Approx(wanted.epochs[i].loss).epsilon(1e-13));
      CHECK(history.epochs[i].validation_loss == doctest::Approx(wanted.epochs[i].validation_loss).epsilon(1e-13));
    }
    // Without a window a batch is one: the same as a window of its length.
    if (window == 6) {
      BasicNetwork<double> plain = carrying_network();
      fit(plain, cut, &cut, stateful());
      CHECK(flat(plain) == flat(network));
    }
    fit(forgetful, cut, &cut, long_rows);
    CHECK(difference(forgetful.flat(), expected.flat()) > 1e-4);
    CHECK(difference(evaluate(network, cut, Loss::mse, Pieces::rows, {}, true), evaluate(network, whole, Loss::mse)) < 1e-14);
    CHECK(difference(evaluate(network, cut, Loss::mse, Pieces::rows), evaluate(network, whole, Loss::mse)) > 1e-4);
  }
}

TEST_CASE("fit: a row goes on after its own last valid step") {
  const Pieces pieces;
  const std::vector<Index> lengths{6, 2, 0, 5, 0, 4, 3, 6, 1, 0, 6, 2};
  const Data<double> cut = pieces.cut(lengths.data());
  for (const Index window : {0, 4}) {
    CAPTURE(window);
    BasicNetwork<double> network = carrying_network(), expected = carrying_network();
    const FitOptions options = stateful(window);
    const History history = fit<double>(network, cut, nullptr, options);
    BasicRunner<double> runner(expected);
    BasicOptimizer<double> optimizer(options.optimizer, Index(expected.flat().size()));
    for (int epoch = 0; epoch < options.epochs; ++epoch) {
      BasicState<double> state(expected, Pieces::rows);
      double sum = 0, entries = 0;
      for (Index batch = 0; batch < Pieces::pieces; ++batch)
        for (Index begin = 0; begin < Pieces::length; begin += window > 0 ? window : Pieces::length) {
          const Index end = std::min(begin + (window > 0 ? window : Pieces::length), Pieces::length);
          const Sequences<double> rows{cut.x.data + batch * Pieces::rows * Pieces::length, Pieces::rows, Pieces::length,
                                       lengths.data() + batch * Pieces::rows};
          const Target<double> target{cut.target.values + batch * Pieces::rows * Pieces::length};
          Vector gradient(expected.flat().size());
          RunOptions run;
          run.initial = batch == 0 && begin == 0;
          double count = 0;
          for (Index i = 0; i < Pieces::rows; ++i) count += double(std::clamp(rows.length(i) - begin, Index(0), end - begin));
          sum += count * runner.window_gradient(rows, target, Loss::mse, {begin, end}, gradient.data(), &state, run);
          entries += count;
          optimizer.update(expected.flat(), gradient);
        }
      CHECK(history.epochs[std::size_t(epoch)].loss == doctest::Approx(sum / entries).epsilon(1e-13));
    }
    CHECK(difference(network.flat(), expected.flat()) < 1e-13);
  }
}

TEST_CASE("fit: batches that cannot go on are refused") {
  const Pieces pieces;
  const Data<double> cut = pieces.cut(), whole = pieces.whole();
  BasicNetwork<double> network = carrying_network(), pooled({layers::gru(1, 3), layers::max()}),
                       ahead({layers::bidirectional(layers::gru(1, 3)), layers::linear(6, 1)});
  const auto refuse = [&](BasicNetwork<double>& trained, auto change, const char* message,
                          const Data<double>* validation = nullptr) {
    FitOptions options = stateful();
    change(options);
    const Vector before = flat(trained);
    CHECK_THROWS_WITH_AS(fit(trained, cut, validation, options), message, std::invalid_argument);
    CHECK(flat(trained) == before);
  };
  const auto nothing = [](FitOptions&) {};
  refuse(
      network, [](FitOptions& o) { o.shuffle = true; },
      "fit: shuffle is on, expected shuffle=False, since stateful is on: batches follow each other");
  refuse(
      network, [](FitOptions& o) { o.batch_size = 5; },
      "fit: x has 12 sequences, expected a multiple of batch_size = 5, since stateful is on");
  refuse(
      network, [](FitOptions& o) { o.batch_size = 6; },
      "fit: validation: x has 4 sequences, expected a multiple of batch_size = 6, since stateful is on", &whole);
  refuse(pooled, nothing,
         "fit: stateful is on, but the network pools over time, expected one whose sequences can go on in the next batch");
  refuse(ahead, nothing,
         "fit: stateful is on, but the network looks ahead, expected one whose sequences can go on in the next batch");
  CHECK_THROWS_WITH_AS(evaluate(network, cut, Loss::mse, 256, {}, true),
                       "evaluate: x has 12 sequences, expected a multiple of batch_size = 256, since stateful is on",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(evaluate(ahead, cut, Loss::mse, 4, {}, true), doctest::Contains("evaluate: stateful is on, but"),
                       std::invalid_argument);
}

TEST_CASE("fit: stopped by a callback or an interrupt, the network keeps its last complete update") {
  const Echo echo;
  const auto run = [&](FitOptions options) {
    BasicNetwork<double> network = small_network();
    const History history = fit(network, echo.data(), static_cast<const Data<double>*>(nullptr), options);
    return std::pair{flat(network), history};
  };
  // Five batches an epoch: seven are one epoch and two batches, ten are two epochs.
  for (const int batches : {7, 10}) {
    CAPTURE(batches);
    FitOptions options = few_epochs();
    int seen = 0;
    options.on_batch = [&](const Progress& progress) {
      CHECK(progress.epoch == seen / 5);
      CHECK(progress.batch == seen % 5 + 1);
      CHECK(progress.batches == 5);
      return ++seen == batches;
    };
    const auto [stopped, history] = run(options);
    CHECK(seen == batches);
    CHECK(history.interrupted);
    CHECK(history.epochs.size() == std::size_t(batches / 5));
    CHECK(stopped != flat(small_network()));

    // The interrupt comes within the batch after those.
    FitOptions interrupted = few_epochs();
    int done = 0;
    interrupted.on_batch = [&](const Progress&) { return ++done, false; };
    interrupted.interrupt = [&] { return done == batches; };
    const auto [kept, shorter] = run(interrupted);
    CHECK(kept == stopped);
    CHECK(shorter.interrupted);
    CHECK(shorter.epochs.size() == std::size_t(batches / 5));
  }
  FitOptions options = few_epochs();
  options.on_epoch = [](int epoch, const Epoch&) { return epoch == 1; };
  const auto [two_epochs, history] = run(options);
  CHECK(history.epochs.size() == 2);
  CHECK(history.interrupted);
  options = few_epochs();
  options.epochs = 2;
  CHECK(run(options).first == two_epochs);
}

TEST_CASE("fit: a loss that overflows is an error and leaves the parameters of the last update") {
  const Echo echo;
  const auto train = [&](int batches) {
    BasicNetwork<double> network({layers::elman(1, 4, "relu"), layers::linear(4, 1)}, std::uint64_t(3));
    FitOptions options = few_epochs();
    options.optimizer = Sgd{1e60};
    int seen = 0;
    options.on_batch = [&](const Progress&) { return ++seen == batches; };
    bool overflow = false;
    try {
      fit(network, echo.data(), static_cast<const Data<double>*>(nullptr), options);
    } catch (const std::overflow_error&) {
      overflow = true;
    }
    return std::tuple{flat(network), seen, overflow};
  };
  const auto [parameters, updates, overflow] = train(-1);
  CHECK(overflow);
  REQUIRE(updates > 0);
  const auto [expected, same, none] = train(updates);
  CHECK_FALSE(none);
  CHECK(parameters == expected);
}

TEST_CASE("fit: fit refuses settings that do not fit") {
  const Echo echo;
  BasicNetwork<double> network = small_network(), pooled({layers::gru(1, 8), layers::last()});
  const auto refuse = [&](BasicNetwork<double>& trained, auto set, const char* message) {
    FitOptions options;
    set(options);
    CHECK_THROWS_WITH_AS(fit(trained, echo.data(), static_cast<const Data<double>*>(nullptr), options),
                         doctest::Contains(message), std::invalid_argument);
  };
  const Vector before = flat(network);
  refuse(network, [](FitOptions& o) { o.epochs = -1; }, "fit: epochs is ");
  refuse(network, [](FitOptions& o) { o.batch_size = 0; }, "fit: batch_size is ");
  refuse(network, [](FitOptions& o) { o.window = -1; }, "fit: window is ");
  refuse(network, [](FitOptions& o) { o.clip_norm = -1; }, "fit: clip_norm is ");
  refuse(network, [](FitOptions& o) { o.clip_value = std::numeric_limits<double>::quiet_NaN(); }, "fit: clip_value is ");
  refuse(network, [](FitOptions& o) { o.optimizer = Adam{-1}; }, "Adam: learning_rate is ");
  refuse(pooled, [](FitOptions& o) { o.window = 3; }, "fit: a window cuts the time axis");
  CHECK(flat(network) == before);
}

TEST_CASE("fit: a bad value anywhere in the data is refused before the first update") {
  BasicNetwork<double> network = small_network();
  const Vector before = flat(network);
  Echo good, bad_input, bad_target, bad_length;
  bad_input.x[23 * Echo::time] = std::numeric_limits<double>::quiet_NaN();
  bad_target.target[22 * Echo::time + 9] = std::numeric_limits<double>::infinity();
  bad_length.lengths[5] = Echo::time + 1;
  const auto refuse = [&](const Echo& training, const Echo* validation, const char* message) {
    const Data<double> held_out = validation ? validation->data() : Data<double>{};
    CHECK_THROWS_WITH_AS(fit(network, training.data(), validation ? &held_out : nullptr, few_epochs()),
                         doctest::Contains(message), std::invalid_argument);
    CHECK(flat(network) == before);
  };
  const char *input = "x has the non-finite value nan at (batch 23, time 0, feature 0)",
             *target = "target has the non-finite value inf at (batch 22, time 9, feature 0)",
             *length = "lengths[5] is 11, expected 0 .. 10";
  refuse(bad_input, nullptr, input);
  refuse(bad_target, nullptr, target);
  refuse(bad_length, nullptr, length);
  refuse(good, &bad_input, input);
  refuse(good, &bad_target, target);
  refuse(good, &bad_length, length);
  Data<double> none = good.data();
  none.x.batch = 0;
  CHECK_THROWS_WITH_AS(evaluate(network, none, Loss::mse), "evaluate: x has batch 0 and time 10, expected at least 1 of each",
                       std::invalid_argument);
}

TEST_CASE("fit: a subset of rows is what is trained on and scored") {
  const std::vector<double> x = test::random_vector(1, 6 * 4), y = test::random_vector(2, 6 * 4);
  const std::vector<Index> rows{4, 1, 4};
  std::vector<double> some_x, some_y;
  for (const Index row : rows) {
    some_x.insert(some_x.end(), x.begin() + row * 4, x.begin() + row * 4 + 4);
    some_y.insert(some_y.end(), y.begin() + row * 4, y.begin() + row * 4 + 4);
  }
  const Data<double> subset{{x.data(), 3, 4, nullptr, rows.data()}, {y.data()}}, copied{{some_x.data(), 3, 4}, {some_y.data()}};
  const std::vector<LayerSpec> layers{layers::elman(1, 3), layers::linear(3, 1)};
  BasicNetwork<double> a(layers, 1), b(layers, 1);
  CHECK(evaluate(a, subset, Loss::mse) == evaluate(b, copied, Loss::mse));
  FitOptions options;
  options.epochs = 3;
  options.batch_size = 2;
  fit<double>(a, subset, nullptr, options);
  fit<double>(b, copied, nullptr, options);
  CHECK(std::ranges::equal(a.flat(), b.flat()));
}

TEST_CASE("fit: a network that decodes learns also where a batch has read nothing") {
  test::Translation problem({test::translation_cases()[0].layer});
  problem.lengths.assign(6, 0);
  const Data<double> data{problem.sequences(), problem.target()};
  const double before = evaluate(problem.network, data, problem.loss());
  FitOptions options;
  options.loss = problem.loss();
  options.optimizer = Adam{.learning_rate = 0.02};
  options.epochs = 20;
  const History history = fit<double>(problem.network, data, nullptr, options);
  CHECK(history.epochs[0].loss == doctest::Approx(before).epsilon(1e-12));
  CHECK(history.epochs.back().loss < 0.9 * before);
}
