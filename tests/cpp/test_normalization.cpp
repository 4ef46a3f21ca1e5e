// Layer normalisation's rows in every backend against the formula in double precision, also where one unit is far from all
// others.
#include <doctest/doctest.h>

#include <cmath>

#include "problem.h"
#include "test_backends.h"

namespace {

using namespace recurra;

template <class T>
void check_rows(const Normalization<T>& normalization, Index count, Index units, Index far, double distance) {
  const Index blocks = 2, width = blocks * units;
  std::vector<T> x = test::random_vector<T>(1, count * width), n(x.size()), y(x.size()), rate(std::size_t(count * blocks));
  const std::vector<T> gain = test::random_vector<T>(2, width), base = test::random_vector<T>(3, width);
  for (Index i = 0; i < count * blocks; ++i) x[std::size_t(i * units + far)] += T(distance);
  normalization.forward({count, blocks, units, n.data(), width, rate.data(), blocks, gain.data()}, x.data(), width, base.data(),
                        0, y.data(), width);
  const double tolerance = sizeof(T) == 4 ? 3e-5 : 1e-12;
  for (Index i = 0; i < count * blocks; ++i) {
    const T *row = x.data() + i * units, *normal = n.data() + i * units;
    double mean = 0, variance = 0;
    for (Index j = 0; j < units; ++j) mean += double(row[j]) / double(units);
    for (Index j = 0; j < units; ++j) variance += std::pow(double(row[j]) - mean, 2) / double(units);
    const double expected = 1 / std::sqrt(variance + Normalization<T>::epsilon);
    CHECK(std::abs(double(rate[std::size_t(i)]) / expected - 1) < tolerance);
    for (Index j = 0; j < units; ++j) {
      const Index column = i % blocks * units + j;
      const double value = (double(row[j]) - mean) * expected;
      CHECK(std::abs(double(normal[j]) - value) < tolerance * std::max(1.0, std::abs(value)));
      CHECK(std::abs(double(y[std::size_t(i * units + j)]) -
                     (double(base[std::size_t(column)]) + double(gain[std::size_t(column)]) * value)) <
            tolerance * std::max(1.0, std::abs(value)));
    }
  }
}

template <class T>
void check_all(const Normalization<T>& normalization) {
  for (const Index count : {1, 3, 4, 9})
    for (const Index units : {1, 5, 16, 37, 1024})
      for (const double distance : {0.0, 1000.0})
        for (const Index far : {Index(0), units - 1}) check_rows(normalization, count, units, far, distance);
}

}  // namespace

TEST_CASE("normalization: every backend = the formula, also beside a unit that is far away") {
  for (const TestBackend& isa : all_backends()) {
    CAPTURE(isa.backend.name);
    check_all(isa.backend.float32.normalization);
    check_all(isa.backend.float64.normalization);
  }
}
