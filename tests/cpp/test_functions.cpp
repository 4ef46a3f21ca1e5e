// The elementary functions of a register, against the standard library in a wider type; partial loads and stores.
#include <doctest/doctest.h>

#include <cstring>

#include "backends/select.h"
#include "math/functions.h"
#include "problem.h"

namespace {

using namespace recurra;

enum class Function { exp, expm1, tanh, sigmoid };

template <class T>
Pack<T> evaluate(Function f, Pack<T> x) {
  switch (f) {
    case Function::exp: return exp(x);
    case Function::expm1: return expm1(x);
    case Function::tanh: return tanh(x);
    default: return sigmoid(x);
  }
}

long double exact(Function f, long double x) {
  switch (f) {
    case Function::exp: return std::exp(x);
    case Function::expm1: return std::expm1(x);
    case Function::tanh: return std::tanh(x);
    default: return 1 / (1 + std::exp(-x));
  }
}

template <class T>
T first_lane(Function f, T x) {
  return evaluate(f, Pack<T>(x)).v[0];
}

// The largest error in units in the last place of the result, over both signs of x from 1e-30 to `largest`.
template <class T>
double worst_ulps(Function f, double largest) {
  double worst = 0;
  const auto visit = [&](T x) {
    const long double expected = exact(f, x);
    const T size = std::abs(T(expected));
    const long double ulp = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
    const long double error = std::abs((long double)(first_lane(f, x)) - expected) / ulp;
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, double(error));
  };
  Random random{3};
  for (int i = 0; i < 100000; ++i) {
    visit(T(random.uniform(-largest, largest)));
    const T tiny = T(std::pow(10, random.uniform(-30, std::log10(largest))));
    visit(tiny);
    visit(-tiny);
  }
  return worst;
}

template <class T>
void check_accuracy(double exp_range) {
  CHECK(worst_ulps<T>(Function::exp, exp_range) < 2);
  CHECK(worst_ulps<T>(Function::expm1, exp_range) < 3);
  CHECK(worst_ulps<T>(Function::sigmoid, exp_range) < 4);
  CHECK(worst_ulps<T>(Function::tanh, 50) < 5);
}

template <class T>
void check_limits() {
  constexpr T nan = std::numeric_limits<T>::quiet_NaN(), infinity = std::numeric_limits<T>::infinity();
  for (const Function f : {Function::exp, Function::expm1, Function::tanh, Function::sigmoid}) {
    CHECK(std::isnan(first_lane(f, nan)));
    // The other lanes of a register with a NaN are not disturbed.
    Pack<T> mixed(T(0.5));
    mixed.v[0] = nan;
    CHECK(evaluate(f, mixed).v[1] == first_lane(f, T(0.5)));
  }
  for (const T large : {T(1000), infinity}) {
    CHECK(first_lane(Function::tanh, large) == 1);
    CHECK(first_lane(Function::tanh, -large) == -1);
    CHECK(first_lane(Function::sigmoid, large) == 1);
    // Small, but not subnormal.
    CHECK(first_lane(Function::sigmoid, -large) < T(1e-37));
    CHECK(first_lane(Function::sigmoid, -large) >= std::numeric_limits<T>::min());
    CHECK(first_lane(Function::exp, -large) >= std::numeric_limits<T>::min());
    CHECK(first_lane(Function::expm1, -large) == -1);
    CHECK(std::isfinite(first_lane(Function::exp, large)));
    CHECK(first_lane(Function::exp, large) > T(6e37));
    CHECK(first_lane(Function::exp, -large) < T(1e-37));
  }
  CHECK(first_lane(Function::exp, T(0)) == 1);
  CHECK(first_lane(Function::tanh, T(0)) == 0);
  CHECK(first_lane(Function::sigmoid, T(0)) == T(0.5));
}

// Over many turns, near the zeros, and beyond what the registers do themselves.
template <class T>
void check_circle() {
  const T spacing = std::numeric_limits<T>::epsilon();
  const auto check = [&](T x) {
    CHECK(std::abs(sin(Pack<T>(x)).v[1] - std::sin(x)) <= spacing);
    CHECK(std::abs(cos(Pack<T>(x)).v[1] - std::cos(x)) <= spacing);
  };
  for (int k = -4000; k <= 4000; ++k) {
    check(T(k) / 100);
    check(T(k * 1.57079632679489661923));
    check(T(k) * T(1e4));
  }
  CHECK(sin(Pack<T>(T(1e-20))).v[0] == T(1e-20));
  CHECK(std::isnan(sin(Pack<T>(std::numeric_limits<T>::infinity())).v[0]));
  CHECK(std::isnan(cos(Pack<T>(std::numeric_limits<T>::quiet_NaN())).v[0]));
}

template <class T>
void check_arithmetic() {
  const Pack<T> a(T(-2.25)), b(T(0.75)), nan(std::numeric_limits<T>::quiet_NaN());
  CHECK(max(a, b).v[1] == T(0.75));
  CHECK(max(b, a).v[1] == T(0.75));
  CHECK(min(a, b).v[1] == T(-2.25));
  CHECK(min(b, a).v[1] == T(-2.25));
  CHECK(abs(a).v[1] == T(2.25));
  CHECK(abs(b).v[1] == T(0.75));
  CHECK(std::isnan(max(nan, b).v[1]));
  CHECK(std::isnan(min(nan, b).v[1]));
  CHECK(std::isnan(abs(nan).v[1]));
  CHECK(select(a < b, a, b).v[0] == T(-2.25));
  CHECK(select(a > b, a, b).v[0] == T(0.75));
  CHECK(sqrt(Pack<T>(T(2.25))).v[1] == T(1.5));
  CHECK(sin(b).v[1] == doctest::Approx(std::sin(0.75)).epsilon(1e-6));
  CHECK(cos(b).v[1] == doctest::Approx(std::cos(0.75)).epsilon(1e-6));
  CHECK((a + b).v[0] == T(-1.5));
  CHECK((a - b).v[0] == T(-3));
  CHECK((a * b).v[0] == T(-1.6875));
  CHECK((a / b).v[0] == T(-3));
  CHECK((-a).v[0] == T(2.25));
}

template <class T>
void check_partial() {
  constexpr int lanes = Pack<T>::lanes;
  std::vector<T> memory(3 * lanes);
  for (int count = 1; count < lanes; ++count) {
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = T(i + 1);
    const Pack<T> loaded = Pack<T>::load(memory.data() + 1, count);
    for (int lane = 0; lane < lanes; ++lane) CHECK(loaded.v[lane] == (lane < count ? T(lane + 2) : T(0)));
    Pack<T>(T(-1)).store(memory.data() + lanes, count);
    for (int i = 0; i < 3 * lanes; ++i) CHECK(memory[std::size_t(i)] == (i >= lanes && i < lanes + count ? T(-1) : T(i + 1)));
  }
}

// The activations of the backend in use, whose registers may be wider than this program's.
template <class T>
void check_elementwise(double tolerance) {
  const Kernels<T>& table = kernels<T>(backend());
  for (const Index count : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33}) {
    const auto x = test::random_vector<T>(5, count, 4), dy = test::random_vector<T>(6, count),
               before = test::random_vector<T>(7, count + 2);
    const auto check = [&](const Elementwise<T>& function, auto value, auto slope) {
      std::vector<T> y = before, dx = before;
      function.value(x.data(), count, y.data() + 1);
      function.vjp(x.data(), dy.data(), count, dx.data() + 1);
      std::vector<double> expected_y(before.begin(), before.end()), expected_dx = expected_y;
      for (std::size_t i = 0; i < x.size(); ++i) {
        expected_y[i + 1] = value(double(x[i]));
        expected_dx[i + 1] += double(dy[i]) * slope(double(x[i]));
      }
      CHECK(test::difference(y, expected_y) < tolerance);
      CHECK(test::difference(dx, expected_dx) < tolerance);
      CHECK((y.front() == before.front() && y.back() == before.back()));
      CHECK((dx.front() == before.front() && dx.back() == before.back()));
    };
    check(table.tanh, [](double v) { return std::tanh(v); }, [](double v) { return 1 - std::tanh(v) * std::tanh(v); });
    check(table.relu, [](double v) { return v > 0 ? v : 0; }, [](double v) { return v > 0 ? 1.0 : 0.0; });
    const auto logistic = [](double v) { return 1 / (1 + std::exp(-v)); };
    check(table.logistic, logistic, [&](double v) { return logistic(v) * (1 - logistic(v)); });
  }
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const Elementwise<T>* function : {&table.tanh, &table.relu, &table.logistic}) {
    T y = 0;
    function->value(&nan, 1, &y);
    CHECK(std::isnan(y));
  }
}

}  // namespace

TEST_CASE("functions: float within a few units in the last place") { check_accuracy<float>(87); }
TEST_CASE("functions: double within a few units in the last place") { check_accuracy<double>(708); }

TEST_CASE("functions: NaN propagates, large arguments saturate") {
  check_limits<float>();
  check_limits<double>();
}

TEST_CASE("functions: arithmetic, comparison and selection lane by lane") {
  check_circle<float>();
  check_circle<double>();
  check_arithmetic<float>();
  check_arithmetic<double>();
}

TEST_CASE("functions: partial loads and stores touch only their elements") {
  check_partial<float>();
  check_partial<double>();
}

TEST_CASE("functions: the backend's activations, values and slopes") {
  check_elementwise<float>(1e-6);
  check_elementwise<double>(1e-14);
}
