// Truncated BPTT: the state goes on, the gradient is cut.
#include <doctest/doctest.h>

#include "batch_problem.h"

using namespace test::batches;
using test::difference;

TEST_CASE("window: a window as long as the batch is full BPTT, a shorter one the loop over its windows") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    Batch b(cell);
    const Batch::Result full = b.run();
    check_equal(b.run({longest}), full, 0);
    check_equal(b.run({longest + 3}), full, 0);
    for (const Index window : {1, 3}) {
      const Batch::Result truncated = b.run({window});
      CHECK(difference(truncated.loss, full.loss) < 1e-13);
      CHECK(difference(truncated.gradient, full.gradient) > 1e-6);

      Vector gradient(full.gradient.size());
      BasicState<double> state = b.initial;
      double loss = 0, entries = 0;
      const Sequences<double> sequences{b.x.data(), batch, longest, b.lengths.data()};
      for (const Index length : b.lengths) entries += double(length);
      for (Index begin = 0; begin < longest; begin += window) {
        const Window steps{begin, std::min(begin + window, longest)};
        double valid = 0;
        for (const Index length : b.lengths) valid += double(std::clamp(length - steps.begin, Index(0), steps.end - steps.begin));
        Vector part(gradient.size());
        loss +=
            valid / entries * b.runner.window_gradient(sequences, {b.target.data()}, Loss::mse, steps, part.data(), &state, {});
        for (std::size_t j = 0; j < part.size(); ++j) gradient[j] += valid / entries * part[j];
      }
      CHECK(difference(truncated.gradient, gradient) < 1e-13);
      CHECK(difference(truncated.loss, loss) < 1e-13);
      CHECK(difference(state.data(), full.state) < 1e-13);
    }
  }
}
