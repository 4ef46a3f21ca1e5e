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
  for (Index j = 0; j < 4 * units; ++j) {
    double sum = 0, past = 0;
    for (Index k = 0; j < 3 * units && k < inputs; ++k) sum += double(w[std::size_t(j * inputs + k)]) * double(x[std::size_t(k)]);
    for (Index k = 0; j < 2 * units && k < depth; ++k)
      past += double(r[std::size_t(j * depth + k)]) * double(source[std::size_t(k)]);
    for (Index k = 0; j >= 3 * units && k < part; ++k)
      past += double(s[std::size_t((j - 3 * units) * part + k)]) * double(source[std::size_t(depth - part + k)]);
    expected[std::size_t(j)] += T(sum + past);
    without[std::size_t(j)] += T(past);
  }
  std::vector<T> y(std::size_t(columns + 1), T(7));
  matrix.multiply(x.data(), source.data(), start.data(), y.data());
  CHECK(y.back() == 7);  // nothing behind the last column
  y.pop_back();
  CHECK(difference(y, expected) < tolerance);
  y = start;
  matrix.multiply(nullptr, source.data(), y.data(), y.data());
  CHECK(difference(y, without) < tolerance);
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
        }
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
    CHECK(y[1] == doctest::Approx(1 + 2 * 3 - 5 * 42 * 3 / 127.0));
  }
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
