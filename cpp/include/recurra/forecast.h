// forecast: the outputs of the steps to come, each fed back to give the next.
#pragma once

#include "recurra/runner.h"

namespace recurra {

// What has been seen so far, for `batch` series side by side. The arrays are borrowed.
template <class T>
struct SeenSeries {
  const T* outputs = nullptr;  // [batch][time][output size]
  Index batch = 1, time = 0;   // at least 1 each
  const T* x = nullptr;        // [batch][time + steps][input size]: the inputs beside the outputs and those of the steps to come
};

// y: [batch][steps][output size]. The network's last layer is a Feedback, which is given the outputs seen so far and then its
// own; or it has none and as many inputs as outputs, and an output is the next input (x must be null then). Throws
// std::invalid_argument for another network, missing inputs, a value that is not finite; std::overflow_error for an output that
// is not; InterruptedBatch.
template <class T>
void forecast(const BasicNetwork<T>& network, const SeenSeries<T>& seen, Index steps, T* y, const RunOptions& options = {});

}  // namespace recurra
