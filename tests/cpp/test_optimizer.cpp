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
