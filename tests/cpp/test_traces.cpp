// Traces advanced and contracted in one pass against plain loops, in every backend: all remainders of columns and units, numbers
// of states with and without a kernel of their own, nothing written beside the result; and what is not finite is told.
#include <doctest/doctest.h>

#include <limits>

#include "problem.h"
#include "test_backends.h"

namespace {

using namespace recurra;

template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;

template <class T>
struct Problem {
  Problem(Index row_count, Index column_count, int state_count, bool multiplies, bool enters)
      : rows(row_count),
        columns(column_count),
        states(state_count),
        stride(rows * columns + 5),
        keep_stride(rows + 3),
        trace(test::random_vector<T>(1, states * stride)),
        z(test::random_vector<T>(2, columns)),
        keep(test::random_vector<T>(3, states * states * keep_stride)),
        enter(test::random_vector<T>(4, states * keep_stride)),
        gradient(test::random_vector<T>(5, rows * columns + 1)),
        carried(test::random_vector<T>(6, states * keep_stride)),
        direct(test::random_vector<T>(7, rows)),
        with_z(multiplies),
        with_enter(enters) {}

  TraceRows<T> arguments(bool learns) {
    return {rows,
            columns,
            states,
            trace.data(),
            stride,
            with_z ? z.data() : nullptr,
            keep.data(),
            keep_stride,
            with_enter ? enter.data() : nullptr,
            keep_stride,
            learns ? gradient.data() : nullptr,
            carried.data(),
            keep_stride,
            with_enter ? direct.data() : nullptr};
  }

  // In double; what lies between the results stays.
  double expect(bool learns, std::vector<double>& new_trace, std::vector<double>& new_gradient) const {
    new_trace.assign(trace.begin(), trace.end());
    new_gradient.assign(gradient.begin(), gradient.end());
    double most = 0;
    for (Index r = 0; r < rows; ++r)
      for (Index j = 0; j < columns; ++j) {
        const Index at = r * columns + j;
        const double factor = with_z ? double(z[std::size_t(j)]) : 1;
        const auto of = [&](const std::vector<T>& values, Index s) { return double(values[std::size_t(s * keep_stride + r)]); };
        const auto old = [&](Index s) { return double(trace[std::size_t(s * stride + at)]); };
        if (learns && with_enter) new_gradient[std::size_t(at)] += double(direct[std::size_t(r)]) * factor;
        for (Index s = 0; s < states; ++s) {
          if (learns) new_gradient[std::size_t(at)] += of(carried, s) * old(s);
          double next = with_enter ? of(enter, s) * factor : 0;
          for (Index from = 0; from < states; ++from) next += of(keep, s * states + from) * old(from);
          new_trace[std::size_t(s * stride + at)] = next;
          most = std::max(most, std::abs(next));
        }
      }
    return most;
  }

  Index rows, columns;
  int states;
  Index stride, keep_stride;
  std::vector<T> trace, z, keep, enter, gradient, carried, direct;
  bool with_z, with_enter;
};

template <class T>
void check(const Kernels<T>& kernels) {
  for (const int states : {1, 2, 3, 5, max_traces})
    for (const Index size : {1, 3, 8, 16, 37})
      for (const bool multiplies : {false, true})
        for (const bool learns : {false, true})
          for (const bool enters : {false, true}) {
            if (multiplies && !enters) continue;
            CAPTURE(states);
            CAPTURE(size);
            Problem<T> problem(multiplies ? 3 : size, multiplies ? size : 1, states, multiplies, enters);
            std::vector<double> trace, gradient;
            const double most = problem.expect(learns, trace, gradient);
            const T told = kernels.traces.advance(problem.arguments(learns));
            CHECK(test::difference(problem.trace, trace) < tolerance<T> * states);
            CHECK(test::difference(problem.gradient, gradient) < tolerance<T> * states);
            CHECK(test::difference(double(told), most) < tolerance<T> * states);
          }
  for (const T bad : {std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()})
    for (const bool multiplies : {false, true})
      for (const Index at : {0, 18, 36}) {
        Problem<T> problem(multiplies ? 1 : 37, multiplies ? 37 : 1, 2, multiplies, true);
        problem.trace[std::size_t(at)] = bad;
        CHECK(std::isnan(kernels.traces.advance(problem.arguments(true))));
      }
}

}  // namespace

TEST_CASE("traces: advanced and contracted as plain loops do it") {
  for (const TestBackend& b : all_backends()) {
    CAPTURE(b.backend.name);
    check(b.backend.float32);
    check(b.backend.float64);
  }
}
