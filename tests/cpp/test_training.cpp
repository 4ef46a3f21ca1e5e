// Losses, optimizers and clipping against their formulas; fit: learns, repeats itself, stops where it is asked to.
#include <doctest/doctest.h>

#include "problem.h"
#include "recurra/fit.h"

namespace {

using namespace recurra;
using test::difference;
using Vector = std::vector<double>;

// Ten updates with gradients that change.
Vector optimize(BasicOptimizer<double> optimizer, Vector w) {
  for (std::uint64_t t = 0; t < 10; ++t) optimizer.update(w, test::random_vector(t, Index(w.size())));
  return w;
}

// The same, `rule(t, i, gradient, w)` written out by the caller; t counts from 1.
template <class Rule>
Vector by_hand(Vector w, const Rule& rule) {
  for (std::uint64_t t = 0; t < 10; ++t) {
    const Vector gradient = test::random_vector(t, Index(w.size()));
    for (std::size_t i = 0; i < w.size(); ++i) rule(double(t + 1), i, gradient[i], w[i]);
  }
  return w;
}

const Vector start{0.5, -1.5, 0.0, 2.0, -0.25};

double sign(double w) { return w > 0 ? 1 : w < 0 ? -1 : 0; }

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

TEST_CASE("training: SGD with momentum = its equations") {
  for (const double momentum : {0.0, 0.9}) {
    Vector v(start.size(), 0.0);
    const auto rule = [&](double, std::size_t i, double g, double& w) {
      v[i] = momentum * v[i] + g;
      w -= 0.1 * v[i];
    };
    CHECK(difference(optimize({Sgd{0.1, momentum}, 5}, start), by_hand(start, rule)) < 1e-15);
  }
}

TEST_CASE("training: Adam = its equations") {
  Vector m(start.size(), 0.0), v = m;
  const auto rule = [&](double t, std::size_t i, double g, double& w) {
    m[i] = 0.8 * m[i] + 0.2 * g;
    v[i] = 0.95 * v[i] + 0.05 * g * g;
    const double m_hat = m[i] / (1 - std::pow(0.8, t)), v_hat = v[i] / (1 - std::pow(0.95, t));
    w -= 0.02 * m_hat / (std::sqrt(v_hat) + 1e-3);
  };
  CHECK(difference(optimize({Adam{0.02, 0.8, 0.95, 1e-3}, 5}, start), by_hand(start, rule)) < 1e-14);
}

TEST_CASE("training: both decays are added to the gradient") {
  const auto rule = [](double, std::size_t, double g, double& w) { w -= 0.1 * (g + 0.3 * w + 0.05 * sign(w)); };
  CHECK(difference(optimize({Sgd{0.1, 0, {0.3, 0.05}}, 5}, start), by_hand(start, rule)) < 1e-15);
  Vector w{1, -1, 0};
  BasicOptimizer<double>(Sgd{1, 0, {0, 0.5}}, 3).update(w, Vector(3, 0.0));
  CHECK(w == Vector{0.5, -0.5, 0});

  Vector m(start.size(), 0.0), v = m;
  const auto adam = [&](double t, std::size_t i, double g, double& value) {
    const double step = g + 0.3 * value + 0.05 * sign(value);
    m[i] = 0.9 * m[i] + 0.1 * step;
    v[i] = 0.999 * v[i] + 0.001 * step * step;
    value -= 0.1 * (m[i] / (1 - std::pow(0.9, t))) / (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
  };
  CHECK(difference(optimize({Adam{0.1, 0.9, 0.999, 1e-8, {0.3, 0.05}}, 5}, start), by_hand(start, adam)) < 1e-13);
}

TEST_CASE("training: settings out of range are refused by name") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const auto refuse = [](const auto& settings, const char* message) {
    CHECK_THROWS_WITH_AS(BasicOptimizer<double>(settings, 5), doctest::Contains(message), std::invalid_argument);
  };
  for (const double bad : {-1.0, nan, infinity}) {
    refuse(Sgd{bad}, "SGD: learning_rate is ");
    refuse(Sgd{0.1, 0, {bad, 0}}, "SGD: l2 is ");
    refuse(Sgd{0.1, 0, {0, bad}}, "SGD: l1 is ");
    refuse(Adam{bad}, "Adam: learning_rate is ");
    refuse(Adam{0.1, 0.9, 0.999, bad}, "Adam: epsilon is ");
  }
  for (const double bad : {-0.1, 1.0, nan}) {
    refuse(Sgd{0.1, bad}, "SGD: momentum is ");
    refuse(Adam{0.1, bad}, "Adam: beta1 is ");
    refuse(Adam{0.1, 0.9, bad}, "Adam: beta2 is ");
  }
  Vector w(4);
  CHECK_THROWS_WITH_AS(BasicOptimizer<double>(Sgd{}, 5).update(w, Vector(5)),
                       "update: got 4 parameters and a gradient of length 5, expected 5", std::invalid_argument);
}

TEST_CASE("training: clipping by norm keeps the direction, by value each element") {
  Vector g{3, -4, 0};
  CHECK(gradient_norm<double>(g) == 5);
  clip_norm<double>(g, 5);
  CHECK(g == Vector{3, -4, 0});
  clip_norm<double>(g, 1);
  CHECK(difference(g, Vector{0.6, -0.8, 0}) < 1e-15);
  Vector h{3, -4, 0.5};
  clip_value<double>(h, 2);
  CHECK(h == Vector{2, -2, 0.5});
  // Squares of float values do not overflow on the way to the norm.
  CHECK(gradient_norm<float>(std::vector<float>{3e30f, 4e30f}) == doctest::Approx(5e30));
}

TEST_CASE("training: the losses = their formulas, means over the valid entries") {
  const Index batch = 2, time = 3, width = 4;
  const BasicNetwork<double> network({layers::linear(2, width)});
  BasicRunner<double> runner(network);
  const Vector x = test::random_vector(1, batch * time * 2, 3), target = test::random_vector(2, batch * time * width);
  const std::vector<std::int64_t> classes{0, 3, 1, 2, 9, -9};  // beyond a sequence's end anything may stand
  const std::vector<Index> lengths{3, 1};
  const Sequences<double> sequences{x.data(), batch, time, lengths.data()};
  Vector y(std::size_t(batch * time * width));
  runner.forward(sequences, y.data());
  double squares = 0, surprise = 0;
  for (Index i = 0; i < batch; ++i)
    for (Index t = 0; t < lengths[std::size_t(i)]; ++t) {
      const auto row = y.begin() + (i * time + t) * width;
      double sum = 0;
      for (Index j = 0; j < width; ++j) {
        squares += std::pow(row[j] - target[std::size_t((i * time + t) * width + j)], 2);
        sum += std::exp(row[j]);
      }
      surprise -= std::log(std::exp(row[classes[std::size_t(i * time + t)]]) / sum);
    }
  CHECK(runner.loss(sequences, {target.data()}, Loss::mse) == doctest::Approx(squares / (4 * width)).epsilon(1e-14));
  CHECK(runner.loss(sequences, {nullptr, classes.data()}, Loss::cross_entropy) == doctest::Approx(surprise / 4).epsilon(1e-14));
  CHECK(loss_from_name("mse") == Loss::mse);
  CHECK(loss_from_name("cross_entropy") == Loss::cross_entropy);
  CHECK_THROWS_WITH_AS(loss_from_name("l2"), "loss is 'l2', expected 'mse' or 'cross_entropy'", std::invalid_argument);
}

TEST_CASE("training: cross entropy does not overflow for large logits") {
  BasicNetwork<double> network({layers::linear(1, 3)});
  std::ranges::copy(Vector{1000, -1000, 999, 0, 0, 0}, network.flat().begin());
  BasicRunner<double> runner(network);
  const Vector x{1};
  for (const auto& [id, expected] : {std::pair<std::int64_t, double>{0, std::log1p(std::exp(-1))}, {1, 2000 + std::log1p(std::exp(-1))}}) {
    Vector gradient(network.flat().size());
    const std::int64_t target = id;
    CHECK(runner.loss_and_gradient({x.data(), 1, 1}, {nullptr, &target}, Loss::cross_entropy, gradient.data()) ==
          doctest::Approx(expected).epsilon(1e-14));
    for (const double g : gradient) CHECK(std::isfinite(g));
  }
}

TEST_CASE("training: fit lowers the loss, and its history tells it") {
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
    const double after = evaluate(network, data, Loss::mse);
    CHECK(after < 0.1 * before);
    CHECK(history.epochs.back().validation_loss == after);
    CHECK(history.epochs.back().loss < 0.2 * history.epochs.front().loss);
    CHECK(history.epochs.front().loss < 2 * before);
  }
}

TEST_CASE("training: evaluate is the mean over all entries, whatever the batch size") {
  const Echo echo;
  const BasicNetwork<double> network = small_network();
  BasicRunner<double> runner(network);
  const double whole = runner.loss(echo.data().x, echo.data().target, Loss::mse);
  for (const Index size : {1, 5, 24, 100}) CHECK(difference(evaluate(network, echo.data(), Loss::mse, size), whole) < 1e-14);
  CHECK_THROWS_WITH_AS(evaluate(network, echo.data(), Loss::mse, 0), "evaluate: batch_size is 0, expected at least 1",
                       std::invalid_argument);
}

TEST_CASE("training: one batch of SGD is one step down its gradient, clipped if asked") {
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

TEST_CASE("training: the same seed gives the same bits, another seed does not") {
  const Echo echo;
  const auto trained = [&](std::uint64_t seed) {
    BasicNetwork<double> network({layers::gru(1, 8), layers::dropout(0.3), layers::linear(8, 1)}, std::uint64_t(2));
    FitOptions options = few_epochs();
    options.seed = seed;
    options.window = 4;
    fit(network, echo.data(), static_cast<const Data<double>*>(nullptr), options);
    return flat(network);
  };
  CHECK(trained(1) == trained(1));
  CHECK(trained(1) != trained(2));
}

TEST_CASE("training: stopped by a callback or an interrupt, the network keeps its last complete update") {
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

TEST_CASE("training: a loss that overflows is an error and leaves the parameters of the last update") {
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

TEST_CASE("training: fit refuses settings that do not fit") {
  const Echo echo;
  BasicNetwork<double> network = small_network(), pooled({layers::gru(1, 8), layers::last()});
  const auto refuse = [&](BasicNetwork<double>& trained, auto set, const char* message) {
    FitOptions options;
    set(options);
    CHECK_THROWS_WITH_AS(fit(trained, echo.data(), static_cast<const Data<double>*>(nullptr), options), doctest::Contains(message),
                         std::invalid_argument);
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
