// Reductions against plain loops, with what they look for in every place.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "problem.h"
#include "test_backends.h"

namespace {

using namespace recurra;

template <class T>
void check_largest(const Backend& backend) {
  const auto largest = kernels<T>(backend).reductions.largest;
  for (const Index count : {1, 2, 3, 5, 8, 15, 16, 17, 31, 64, 65, 100, 131}) {
    CAPTURE(count);
    const std::vector<T> values = test::random_vector<T>(unsigned(count), count);
    bool found = true, noticed = true;
    for (Index place = 0; place < count; ++place)
      for (const T sign : {T(-1), T(1)}) {
        std::vector<T> x = values;
        x[std::size_t(place)] = sign * 7;
        found = found && largest(x.data(), count) == 7;
        for (const T bad : {sign * std::numeric_limits<T>::infinity(), sign * std::numeric_limits<T>::quiet_NaN()}) {
          x[std::size_t(place)] = bad;
          noticed = noticed && std::isnan(largest(x.data(), count));
        }
      }
    CHECK(found);
    CHECK(noticed);
  }
  CHECK(largest(nullptr, 0) == 0);
}

TEST_CASE("reductions: the largest magnitude is found in every place, and what is not finite") {
  for (const TestBackend& each : all_backends()) {
    CAPTURE(each.backend.name);
    check_largest<float>(each.backend);
    check_largest<double>(each.backend);
  }
}

template <class T>
void check_exponentials(const Backend& backend, double tolerance) {
  for (const Index count : {1, 3, 8, 17, 64, 100, 2500})
    for (const Index place : {Index(0), count / 2, count - 1}) {
      std::vector<T> x = test::random_vector<T>(unsigned(count), count), e(x.size());
      CAPTURE(count);
      CAPTURE(place);
      x[std::size_t(place)] = 9;
      double sum = 0, worst = 0;
      for (const T value : x) sum += std::exp(double(value) - 9);
      const ExpSum<T> result = kernels<T>(backend).reductions.exponentials(x.data(), count, e.data());
      CHECK(result.largest == 9);
      CHECK(result.sum == doctest::Approx(sum).epsilon(tolerance));
      for (std::size_t j = 0; j < x.size(); ++j) worst = std::max(worst, std::abs(double(e[j]) - std::exp(double(x[j]) - 9)));
      CHECK(worst <= tolerance);
      x[std::size_t(place)] = std::numeric_limits<T>::quiet_NaN();
      CHECK(std::isnan(kernels<T>(backend).reductions.exponentials(x.data(), count, e.data()).sum));
    }
}

TEST_CASE("reductions: exponentials and their sum, the largest in every part") {
  for (const TestBackend& each : all_backends()) {
    CAPTURE(each.backend.name);
    check_exponentials<float>(each.backend, 1e-6);
    check_exponentials<double>(each.backend, 1e-14);
  }
}

}  // namespace
