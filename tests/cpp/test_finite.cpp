// Whether values are all finite, by both ways of looking: a number that is not is found wherever it stands.
#include "learning/finite.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

TEST_CASE_TEMPLATE("finite: one number that is not is found among few and many", T, float, double) {
  using Limits = std::numeric_limits<T>;
  for (recurra::Index count = 0; count < 200; count += count < 70 ? 1 : 13) {
    CAPTURE(count);
    std::vector<T> values(std::size_t(count), Limits::max());
    CHECK(recurra::all_finite(values.data(), count));
    for (T& value : values) {
      const T before = value;
      for (const T bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
        value = bad;
        CHECK_FALSE(recurra::all_finite(values.data(), count));
      }
      value = -before;
    }
    CHECK(recurra::all_finite(values.data(), count));
  }
}
