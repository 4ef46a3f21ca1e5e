// Layer normalisation's rows and their Jacobian in every backend against the formulas in double precision, also where one unit
// is far from all others.
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

// out (+)= rate (u - mean u - n mean(u n)), u = v or v gain; dgain += sum of v n. Rows share n by `seeds`.
template <class T>
void check_jacobian(const Normalization<T>& normalization, Index count, Index units, Index seeds, bool gained, bool added,
                    bool in_place) {
  CAPTURE(count);
  CAPTURE(units);
  CAPTURE(seeds);
  const Index blocks = 2, width = blocks * units, vectors = count * seeds, stride = width + 3;
  std::vector<T> n = test::random_vector<T>(1, count * width), rate = test::random_vector<T>(2, count * blocks);
  const std::vector<T> gain = test::random_vector<T>(3, width), v = test::random_vector<T>(4, vectors * stride);
  std::vector<T> out = in_place ? v : test::random_vector<T>(5, vectors * stride), dgain = test::random_vector<T>(6, width);
  const std::vector<T> before = out, dgain_before = dgain;
  const bool learns = seeds == 1 && gained;
  const NormRows<T> rows{count, blocks, units, n.data(), width, rate.data(), blocks, gain.data()};
  normalization.jacobian(rows, {seeds, in_place ? out.data() : v.data(), stride, gained, out.data(), stride, added,
                                learns ? dgain.data() : nullptr});
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;
  std::vector<double> sums(std::size_t(width), 0);
  for (Index c = 0; c < vectors; ++c)
    for (Index b = 0; b < blocks; ++b) {
      const auto at = [&](Index j) { return std::size_t(c * stride + b * units + j); };
      const auto normal = [&](Index j) { return double(n[std::size_t(c / seeds * width + b * units + j)]); };
      const auto u = [&](Index j) { return double(v[at(j)]) * (gained ? double(gain[std::size_t(b * units + j)]) : 1.0); };
      double mean = 0, along = 0;
      for (Index j = 0; j < units; ++j) {
        mean += u(j) / double(units);
        along += u(j) * normal(j) / double(units);
      }
      for (Index j = 0; j < units; ++j) {
        const double value = double(rate[std::size_t(c / seeds * blocks + b)]) * (u(j) - mean - along * normal(j));
        CHECK(std::abs(double(out[at(j)]) - value - (added ? double(before[at(j)]) : 0)) < tolerance);
        sums[std::size_t(b * units + j)] += double(v[at(j)]) * normal(j);
      }
    }
  for (Index c = 0; c < vectors; ++c)  // what lies between the rows
    for (Index j = width; j < stride; ++j) CHECK(out[std::size_t(c * stride + j)] == before[std::size_t(c * stride + j)]);
  for (std::size_t j = 0; j < sums.size(); ++j)
    CHECK(std::abs(double(dgain[j]) - double(dgain_before[j]) - (learns ? sums[j] : 0)) < 10 * tolerance);
  if (seeds > 1 || added) return;
  std::vector<T> again = dgain_before;
  normalization.jacobian(rows, {seeds, v.data(), stride, gained, n.data(), width, false, learns ? again.data() : nullptr});
  bool same = again == dgain;
  for (Index c = 0; c < count; ++c)
    for (Index j = 0; j < width; ++j) same = same && n[std::size_t(c * width + j)] == out[std::size_t(c * stride + j)];
  CHECK(same);
}

template <class T>
void check_all(const Normalization<T>& normalization) {
  for (const Index count : {1, 3, 4, 9})
    for (const Index units : {1, 5, 16, 37, 1024})
      for (const double distance : {0.0, 1000.0})
        for (const Index far : {Index(0), units - 1}) check_rows(normalization, count, units, far, distance);
  for (const Index count : {1, 3, 4, 9})
    for (const Index units : {1, 5, 16, 37})
      for (const Index seeds : {1, 3, 6})
        for (const bool gained : {false, true})
          for (const bool added : {false, true})
            for (const bool in_place : {false, true}) check_jacobian(normalization, count, units, seeds, gained, added, in_place);
}

}  // namespace

TEST_CASE("normalization: every backend = the formulas, also beside a unit that is far away") {
  for (const TestBackend& isa : all_backends()) {
    CAPTURE(isa.backend.name);
    check_all(isa.backend.float32.normalization);
    check_all(isa.backend.float64.normalization);
  }
}
