// A data set cut into batches, and the mean of their losses.
#pragma once

#include <algorithm>
#include <vector>

#include "../math/random.h"
#include "recurra/runner.h"

namespace recurra {

template <class T>
Sequences<T> select(const Sequences<T>& x, const std::vector<Index>& order, Index begin, Index count) {
  Sequences<T> batch = x;
  batch.rows = order.data() + begin;
  batch.batch = count;
  return batch;
}

template <class T>
Index longest(const Sequences<T>& batch) {
  Index length = 0;
  for (Index i = 0; i < batch.batch; ++i) length = std::max(length, batch.length(i));
  return length;
}

// The rows of x, in their order or in one drawn for this epoch.
template <class T>
std::vector<Index> row_order(const Sequences<T>& x, bool shuffle = false, std::uint64_t seed = 0, int epoch = 0) {
  std::vector<Index> order;
  for (Index i = 0; i < x.batch; ++i) order.push_back(x.row(i));
  Random random{mix(seed, std::uint64_t(epoch))};
  for (std::size_t i = order.size(); shuffle && i > 1; --i) std::swap(order[i - 1], order[std::size_t(random.below(i))]);
  return order;
}

// A sum of mean losses times what each was divided by.
struct MeanLoss {
  double sum = 0, total = 0;
  void add(double loss, double weight) {
    sum += loss * weight;
    total += weight;
  }
  double value() const { return total > 0 ? sum / total : 0; }
};

}  // namespace recurra
