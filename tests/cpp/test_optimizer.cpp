// Optimizers and clipping against their equations, written out again.
#include <doctest/doctest.h>

#include <stdexcept>

#include "problem.h"
#include "recurra/optimizer.h"

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

}  // namespace

TEST_CASE("optimizer: SGD with momentum = its equations") {
  for (const double momentum : {0.0, 0.9}) {
    Vector v(start.size(), 0.0);
    const auto rule = [&](double, std::size_t i, double g, double& w) {
      v[i] = momentum * v[i] + g;
      w -= 0.1 * v[i];
    };
    CHECK(difference(optimize({Sgd{0.1, momentum}, 5}, start), by_hand(start, rule)) < 1e-15);
  }
}

TEST_CASE("optimizer: Adam = its equations") {
  Vector m(start.size(), 0.0), v = m;
  const auto rule = [&](double t, std::size_t i, double g, double& w) {
    m[i] = 0.8 * m[i] + 0.2 * g;
    v[i] = 0.95 * v[i] + 0.05 * g * g;
    const double m_hat = m[i] / (1 - std::pow(0.8, t)), v_hat = v[i] / (1 - std::pow(0.95, t));
    w -= 0.02 * m_hat / (std::sqrt(v_hat) + 1e-3);
  };
  CHECK(difference(optimize({Adam{0.02, 0.8, 0.95, 1e-3}, 5}, start), by_hand(start, rule)) < 1e-14);
}

TEST_CASE("optimizer: both decays are added to the gradient") {
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

TEST_CASE("optimizer: settings out of range are refused by name") {
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

TEST_CASE("optimizer: clipping by norm keeps the direction, by value each element") {
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

TEST_CASE("optimizer: Nesterov's momentum, RMSprop, Adagrad and AdamW = their equations") {
  Vector v(start.size(), 0.0), s = v, m = v;
  const auto nesterov = [&](double, std::size_t i, double g, double& w) {
    v[i] = 0.9 * v[i] + g;
    w -= 0.1 * (g + 0.9 * v[i]);
  };
  CHECK(difference(optimize({Sgd{0.1, 0.9, {}, true}, 5}, start), by_hand(start, nesterov)) < 1e-15);

  v.assign(start.size(), 0);
  const auto rmsprop = [&](double, std::size_t i, double g, double& w) {
    g += 0.2 * w;
    s[i] = 0.8 * s[i] + 0.2 * g * g;
    m[i] = 0.8 * m[i] + 0.2 * g;
    v[i] = 0.5 * v[i] + g / (std::sqrt(s[i] - m[i] * m[i]) + 1e-3);
    w -= 0.01 * v[i];
  };
  CHECK(difference(optimize({RmsProp{0.01, 0.8, 1e-3, 0.5, true, {0.2, 0}}, 5}, start), by_hand(start, rmsprop)) < 1e-13);

  s.assign(start.size(), 0.25);
  const auto adagrad = [&](double t, std::size_t i, double g, double& w) {
    s[i] += g * g;
    w -= 0.1 / (1 + (t - 1) * 0.3) * g / (std::sqrt(s[i]) + 1e-5);
  };
  CHECK(difference(optimize({Adagrad{0.1, 0.3, 0.25, 1e-5}, 5}, start), by_hand(start, adagrad)) < 1e-14);

  m.assign(start.size(), 0);
  v = m;
  const auto adamw = [&](double t, std::size_t i, double g, double& w) {
    m[i] = 0.9 * m[i] + 0.1 * g;
    v[i] = 0.99 * v[i] + 0.01 * g * g;
    w *= 1 - 0.1 * 0.3;
    w -= 0.1 * (m[i] / (1 - std::pow(0.9, t))) / (std::sqrt(v[i] / (1 - std::pow(0.99, t))) + 1e-6);
  };
  CHECK(difference(optimize({AdamW{0.1, 0.9, 0.99, 1e-6, 0.3}, 5}, start), by_hand(start, adamw)) < 1e-13);
}

TEST_CASE("optimizer: a centred RMSprop does not take the root of what rounding left below zero") {
  BasicOptimizer<float> optimizer(RmsProp{.alpha = 0.1, .centered = true}, 1);
  std::vector<float> w{1};
  for (int i = 0; i < 200; ++i) {
    optimizer.update(w, std::vector<float>{0.1f});
    REQUIRE(std::isfinite(w[0]));
  }
}

TEST_CASE("optimizer: the rate can change between updates") {
  BasicOptimizer<double> optimizer(Sgd{0.5}, 2);
  Vector w{1, 1};
  optimizer.update(w, Vector{1, 0});
  CHECK(optimizer.learning_rate() == 0.5);
  optimizer.set_learning_rate(0.125);
  optimizer.update(w, Vector{1, 1});
  CHECK(w == Vector{0.375, 0.875});
  CHECK_THROWS_WITH_AS(optimizer.set_learning_rate(-1), doctest::Contains("SGD: learning_rate is -1"), std::invalid_argument);
  CHECK(optimizer.learning_rate() == 0.125);
}

TEST_CASE("optimizer: another one goes on from its state, bit for bit") {
  const Index count = Index(start.size());
  for (const Optimizer& settings : std::vector<Optimizer>{Sgd{}, Sgd{0.1, 0.9}, Sgd{0.1, 0.9, {}, true}, Adam{}, AdamW{},
                                                          RmsProp{}, RmsProp{0.01, 0.9, 1e-8, 0.9, true}, Adagrad{0.1, 0.5}}) {
    CAPTURE(settings.index());
    Vector whole = start;
    BasicOptimizer<double> first(settings, count), second(settings, count);
    for (std::uint64_t t = 0; t < 4; ++t) first.update(whole, test::random_vector(t, count));
    Vector parts = whole;
    const OptimizerState<double> state = first.state();
    CHECK(state.updates == 4);
    second.set_state(state);
    for (std::uint64_t t = 4; t < 8; ++t) {
      first.update(whole, test::random_vector(t, count));
      second.update(parts, test::random_vector(t, count));
    }
    CHECK(whole == parts);
  }
}

TEST_CASE("optimizer: a state that does not fit is refused and changes nothing") {
  BasicOptimizer<double> optimizer(Adam{}, 2), fresh(Adam{}, 2);
  const auto refuse = [&](OptimizerState<double> state, const char* message) {
    CHECK_THROWS_WITH_AS(optimizer.set_state(std::move(state)), message, std::invalid_argument);
  };
  refuse({3, {{"mean", {1, 1}}}}, "Adam: state lacks the vector 'square'");
  refuse({3, {{"mean", {1, 1}}, {"square", {1}}}}, "Adam: state has 'square' of length 1, expected 2");
  refuse({3, {{"mean", {1, 1}}, {"square", {1, std::nan("")}}}}, "Adam: state has nan in 'square', expected numbers");
  refuse({3, {{"mean", {1, 1}}, {"square", {1, 1}}, {"sum", {1, 1}}}}, "Adam: state has the vector 'sum', which is unknown");
  Vector a{1, 2}, b = a;
  optimizer.update(a, Vector{1, 1});
  fresh.update(b, Vector{1, 1});
  CHECK(a == b);
}

TEST_CASE("optimizer: the settings of the others are refused by name") {
  const auto refuse = [](const Optimizer& settings, const char* message) {
    CHECK_THROWS_WITH_AS(BasicOptimizer<double>(settings, 5), doctest::Contains(message), std::invalid_argument);
  };
  for (const double bad : {-1.0, std::nan("")}) {
    refuse(AdamW{bad}, "AdamW: learning_rate is ");
    refuse(AdamW{0.1, bad}, "AdamW: beta1 is ");
    refuse(AdamW{.weight_decay = bad}, "AdamW: weight_decay is ");
    refuse(RmsProp{bad}, "RMSprop: learning_rate is ");
    refuse(RmsProp{0.1, bad}, "RMSprop: alpha is ");
    refuse(RmsProp{0.1, 0.9, bad}, "RMSprop: epsilon is ");
    refuse(RmsProp{0.1, 0.9, 1e-8, bad}, "RMSprop: momentum is ");
    refuse(RmsProp{.decay = {bad, 0}}, "RMSprop: l2 is ");
    refuse(Adagrad{bad}, "Adagrad: learning_rate is ");
    refuse(Adagrad{0.1, bad}, "Adagrad: learning_rate_decay is ");
    refuse(Adagrad{0.1, 0, bad}, "Adagrad: initial_accumulator is ");
    refuse(Adagrad{0.1, 0, 0, bad}, "Adagrad: epsilon is ");
  }
  refuse(Sgd{.nesterov = true}, "SGD: momentum is 0.000000, expected more than 0 with nesterov");
}
