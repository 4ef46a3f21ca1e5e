// Products of one row against plain loops, in every format, shape of strips and instruction set; and the team that shares them.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "layers/row_matrix.h"
#include "layers/row_team.h"
#include "problem.h"
#include "test_backends.h"

namespace {

using namespace recurra;
using test::difference;
using test::random_vector;

// The weights as a format keeps them.
template <class T>
std::vector<T> rounded(std::vector<T> rows, Index depth, WeightFormat format) {
  for (Index begin = 0; depth > 0 && begin < Index(rows.size()); begin += depth) {
    T largest = 0;
    for (Index k = begin; k < begin + depth; ++k) largest = std::max(largest, std::abs(rows[std::size_t(k)]));
    for (Index k = begin; k < begin + depth; ++k) {
      T& w = rows[std::size_t(k)];
      if (format == WeightFormat::int8) w = largest > 0 ? std::rint(w / (largest / 127)) * (largest / 127) : T(0);
      if (format == WeightFormat::bfloat16) {  // 8 bits of precision
        int exponent;
        const double mantissa = std::frexp(double(w), &exponent);
        w = T(std::ldexp(std::rint(mantissa * 256), exponent - 8));
      }
    }
  }
  return rows;
}

template <class V>
double largest_of(const V& values) {
  double largest = 0;
  for (const auto value : values) largest = std::max(largest, std::abs(double(value)));
  return largest;
}

// int8 may lose, besides `tolerance` relative to the sum, what x and the source lose as integers up to 32512: half of
// 1 / 32512 of the largest, times each weight. That of 512 values in a row is at most that of all.
template <class T>
void check_row(const RowProducts<T>& products, WeightFormat format, RowTeam* team, Index units, Index inputs, Index depth,
               double tolerance) {
  CAPTURE(units);
  CAPTURE(inputs);
  CAPTURE(depth);
  // Columns that see x and the source, x alone, a part of the source alone, and nothing.
  const Index columns = 4 * units + 3, part = depth / 2;
  const std::vector<T> w = rounded(random_vector<T>(1, 3 * units * inputs), inputs, format);
  const std::vector<T> r = rounded(random_vector<T>(2, 2 * units * depth), depth, format);
  const std::vector<T> s = rounded(random_vector<T>(3, units * part), part, format);
  const std::vector<T> x = random_vector<T>(4, inputs), source = random_vector<T>(5, depth), start = random_vector<T>(6, columns);
  RowMatrix<T> matrix;
  matrix.pack(products, {format, team},
              {{0, 2 * units, w.data(), inputs, r.data(), 0, depth},
               {2 * units, units, w.data() + 2 * units * inputs, inputs, nullptr, 0, 0},
               {3 * units, units, nullptr, 0, s.data(), depth - part, part},
               {4 * units, 3}});
  std::vector<T> expected(start.begin(), start.end()), without = expected;
  const double unit = format == WeightFormat::int8 ? 0.5 / 32512 : 0;
  const double x_error = unit * largest_of(x), source_error = unit * largest_of(source);
  std::vector<double> lost(expected.size()), lost_without(expected.size());
  for (Index j = 0; j < 4 * units; ++j) {
    double sum = 0, past = 0;
    for (Index k = 0; j < 3 * units && k < inputs; ++k) sum += double(w[std::size_t(j * inputs + k)]) * double(x[std::size_t(k)]);
    for (Index k = 0; j < 2 * units && k < depth; ++k)
      past += double(r[std::size_t(j * depth + k)]) * double(source[std::size_t(k)]);
    for (Index k = 0; j >= 3 * units && k < part; ++k)
      past += double(s[std::size_t((j - 3 * units) * part + k)]) * double(source[std::size_t(depth - part + k)]);
    expected[std::size_t(j)] += T(sum + past);
    without[std::size_t(j)] += T(past);
    for (Index k = 0; j < 3 * units && k < inputs; ++k)
      lost[std::size_t(j)] += x_error * std::abs(w[std::size_t(j * inputs + k)]);
    for (Index k = 0; j < 2 * units && k < depth; ++k)
      lost_without[std::size_t(j)] += source_error * std::abs(r[std::size_t(j * depth + k)]);
    for (Index k = 0; j >= 3 * units && k < part; ++k)
      lost_without[std::size_t(j)] += source_error * std::abs(s[std::size_t((j - 3 * units) * part + k)]);
    lost[std::size_t(j)] += lost_without[std::size_t(j)];
  }
  const auto check_near = [&](const std::vector<T>& actual, const std::vector<T>& wanted, const std::vector<double>& may_lose) {
    double worst = 0;
    for (std::size_t j = 0; j < wanted.size(); ++j) {
      const double bound = may_lose[j] + tolerance * std::max(1.0, std::abs(double(wanted[j])));
      worst = std::max(worst, std::abs(double(actual[j]) - double(wanted[j])) / bound);
      if (std::isnan(actual[j])) worst = INFINITY;
    }
    CHECK(worst < 1);
  };
  std::vector<T> y(std::size_t(columns + 1), T(7));
  matrix.multiply(x.data(), source.data(), start.data(), y.data());
  CHECK(y.back() == 7);  // nothing behind the last column
  y.pop_back();
  check_near(y, expected, lost);
  y = start;
  matrix.multiply(nullptr, source.data(), y.data(), y.data());
  check_near(y, without, lost_without);
}

TEST_CASE("row products: every format and shape equals the plain sum") {
  for (const TestBackend& each : all_backends()) {
    const Backend& table = each.backend;
    CAPTURE(table.name);
    for (const Index units : {1, 3, 8, 12, 16, 17, 40, 130})
      for (const Index inputs : {1, 2, 5, 8, 15})
        for (const Index depth : {1, 3, 6, 34}) {
          check_row(table.float64.row_products, WeightFormat::full, nullptr, units, inputs, depth, 1e-13);
          for (const WeightFormat format : {WeightFormat::full, WeightFormat::bfloat16, WeightFormat::int8})
            check_row(table.float32.row_products, format, nullptr, units, inputs, depth, 2e-5);
          check_row(each.plain, WeightFormat::int8, nullptr, units, inputs, depth, 2e-5);
        }
  }
}

TEST_CASE("row products: int8 in parts of 512, the same by any instructions of a set") {
  for (const TestBackend& each : all_backends()) {
    CAPTURE(each.backend.name);
    for (const Index depth : {511, 512, 513, 1027, 1537}) {
      check_row(each.backend.float32.row_products, WeightFormat::int8, nullptr, 9, 5, depth, 1e-4);
      check_row(each.plain, WeightFormat::int8, nullptr, 9, depth, 5, 1e-4);
      check_row(each.plain, WeightFormat::int8, nullptr, 33, depth, depth + 512, 1e-4);
      const Index columns = 200;
      const std::vector<float> w = random_vector<float>(1, columns * depth), x = random_vector<float>(2, depth);
      std::vector<float> first(std::size_t(columns), 1.0f), second = first;
      for (const auto& [products, y] : {std::pair(&each.backend.float32.row_products, &first), {&each.plain, &second}}) {
        RowMatrix<float> matrix;
        matrix.pack(*products, {WeightFormat::int8, nullptr}, {{0, columns, w.data(), depth}});
        matrix.multiply(x.data(), nullptr, y->data(), y->data());
      }
      CHECK(first == second);
    }
  }
}

TEST_CASE("row products: int8 with all at its largest, of either sign, and next to nothing") {
  for (const TestBackend& each : all_backends())
    for (const RowProducts<float>& products : {each.backend.float32.row_products, each.plain})
      for (const float sign : {1.0f, -1.0f}) {
        const Index depth = 600;
        const std::vector<float> w(std::size_t(2 * depth), 2.0f);
        RowMatrix<float> matrix;
        matrix.pack(products, {WeightFormat::int8, nullptr}, {{0, 2, w.data(), depth}});
        const auto product = [&](float value, float first, float base = 1) {
          const std::vector<float> start{base, base};
          std::vector<float> x(std::size_t(depth), value), y(2);
          x[0] = first;
          matrix.multiply(x.data(), nullptr, start.data(), y.data());
          CHECK((y[0] == y[1] || (std::isnan(y[0]) && std::isnan(y[1]))));
          return y[0];
        };
        CHECK(product(sign * 3, sign * 3) == doctest::Approx(1 + sign * 3600).epsilon(1e-6));
        CHECK(product(sign * 1e30f, sign * 1e30f) == doctest::Approx(sign * 1.2e33).epsilon(1e-6));
        CHECK(product(sign * 1e-20f, sign * 1e-20f) == 1);
        CHECK(std::abs(product(sign * 1e-28f, sign * 1e-28f, 0) - sign * 1.2e-25f) < 1e-31f);
        for (const float tiny : {9e-31f, 1e-36f, 1e-42f}) CHECK(product(sign * tiny, sign * tiny, 0) == 0);  // counts as zero
        CHECK(product(0, -0.0f) == 1);
        CHECK(product(0, sign * 3) == doctest::Approx(1 + sign * 6).epsilon(1e-6));
        // What is not finite cannot be an integer: nothing is known of the sum.
        CHECK(std::isnan(product(1, sign * INFINITY)));
        CHECK(std::isnan(product(1, NAN)));
        CHECK(std::isnan(product(sign * INFINITY, 1)));
      }
}

TEST_CASE("row products: a row of zeros has no scale") {
  for (const TestBackend& each : all_backends()) {
    const Backend& table = each.backend;
    const std::vector<float> w{0, 0, 3, -1}, x{2, 5}, start{1, 1};
    RowMatrix<float> matrix;
    matrix.pack(table.float32.row_products, {WeightFormat::int8, nullptr}, {{0, 2, w.data(), 2}});
    std::vector<float> y(2);
    matrix.multiply(x.data(), nullptr, start.data(), y.data());
    CHECK(y[0] == 1);
    CHECK(std::abs(y[1] - (1 + 2 * 3 - 5 * 42 * 3 / 127.0)) < 2.5 / 32512 * (3 + 1));  // half a unit of x for each weight
  }
}

TEST_CASE("row products: blocks that do not ascend are refused") {
  const RowProducts<float>& products = kernels<float>(backend()).row_products;
  const std::vector<float> w = random_vector<float>(1, 8 * 3);
  RowMatrix<float> matrix;
  CHECK_THROWS_WITH_AS(matrix.pack(products, {}, {{4, 4, w.data(), 3}, {0, 4, w.data() + 12, 3}}),
                       "RowMatrix: a block begins at column 0, expected at least 8, where the one before ends", std::logic_error);
  CHECK_THROWS_AS(matrix.pack(products, {}, {{0, 4, w.data(), 3}, {3, 4, w.data() + 12, 3}}), std::logic_error);
  matrix.pack(products, {}, {{0, 4, w.data(), 3}, {6, 4, w.data() + 12, 3}});
}

TEST_CASE("row products: a team gives the same bits") {
  const Index units = 256, depth = 200;
  const std::vector<float> w = random_vector<float>(1, 4 * units * depth), x = random_vector<float>(2, depth),
                           start = random_vector<float>(3, 4 * units);
  for (const TestBackend& each : all_backends())
    for (const WeightFormat format : {WeightFormat::full, WeightFormat::bfloat16, WeightFormat::int8}) {
      std::vector<float> expected(start.size());
      for (const Index threads : {1, 2, 3, 7}) {
        RowTeam team(threads);
        RowMatrix<float> matrix;
        matrix.pack(each.backend.float32.row_products, {format, threads > 1 ? &team : nullptr},
                    {{0, 4 * units, w.data(), depth}});
        for (int repeat = 0; repeat < 20; ++repeat) {
          std::vector<float> y(start.size());
          matrix.multiply(x.data(), nullptr, start.data(), y.data());
          if (threads == 1)
            expected = y;
          else
            CHECK(y == expected);
        }
      }
    }
}

TEST_CASE("row team: every part is done once, also after the helpers went to sleep") {
  for (const Index size : {1, 2, 5}) {
    RowTeam team(size);
    CHECK(team.size() == size);
    const auto done = std::make_unique<std::atomic<int>[]>(std::size_t(size));
    for (int run = 0; run < 3000; ++run) {
      if (run % 1000 == 999) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      team.run([&](Index part) { done[std::size_t(part)].fetch_add(1, std::memory_order_relaxed); });
    }
    for (Index part = 0; part < size; ++part) CHECK(done[std::size_t(part)] == 3000);
  }
}

}  // namespace
