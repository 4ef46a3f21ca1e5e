#include "row_matrix.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "row_team.h"

namespace recurra {

namespace {

template <class T>
const RowFormat<T>& format_of(const RowProducts<T>& products, WeightFormat format) {
  return format == WeightFormat::full ? products.full : format == WeightFormat::int8 ? products.int8 : products.bfloat16;
}

// What the byte 127 stands for, by row of a matrix.
template <class T>
void scales_of(const T* rows, Index count, Index depth, T* scale) {
  for (Index i = 0; i < count; ++i) {
    T largest = 0;
    for (Index k = 0; k < depth; ++k) largest = std::max(largest, std::abs(rows[i * depth + k]));
    scale[i] = largest / 127;
  }
}

}  // namespace

// The blocks in strips of nearly equal numbers of registers. Returns the number of elements.
template <class T>
Index RowMatrix<T>::cut(const RowProducts<T>& products, const std::vector<RowBlock<T>>& blocks) {
  const Index lanes = products.lanes;
  Index at = 0, scale = 0, covered = 0;
  strips_.clear();
  for (const RowBlock<T>& b : blocks) {
    if (b.column < covered)  // strips are found by their columns
      throw std::logic_error("RowMatrix: a block begins at column " + std::to_string(b.column) + ", expected at least " +
                             std::to_string(covered) + ", where the one before ends");
    covered = b.column + b.width;
    const Index panels = (b.width + lanes - 1) / lanes, count = (panels + products.strip_panels - 1) / products.strip_panels;
    const auto elements = [&](Index depth) { return (depth + format_.together - 1) / format_.together * lanes; };
    for (Index i = 0; i < count; ++i) {
      const Index begin = panels * i / count, end = panels * (i + 1) / count;
      const Index last = i + 1 < count ? lanes : b.width - (panels - 1) * lanes;
      strips_.push_back({b.column + begin * lanes, int(end - begin), int(last), b.inputs, b.source, b.depth, at, scale});
      at += (end - begin) * (elements(b.inputs) + elements(b.depth));
      scale += (end - begin) * lanes;
    }
  }
  input_scale_.assign(std::size_t(scale), T(0));
  source_scale_.assign(std::size_t(scale), T(0));
  return at;
}

template <class T>
void RowMatrix<T>::pack(const RowProducts<T>& products, const RowUse& use, const std::vector<RowBlock<T>>& blocks) {
  format_ = format_of(products, use.format);
  const Index size = cut(products, blocks) * Index(format_.element_size);
  weights_.resize(std::size_t(size));
  const RowStrip* strip = strips_.data();
  for (const RowBlock<T>& b : blocks)
    for (; strip != strips_.data() + strips_.size() && strip->column < b.column + b.width; ++strip) {
      const Index first = strip->column - b.column, count = (strip->panels - 1) * products.lanes + strip->last;
      Index at = strip->weights;
      const auto add = [&](const T* rows, Index depth, std::vector<T>& scale) {
        if (depth == 0) return;
        scales_of(rows + first * depth, count, depth, scale.data() + strip->scale);
        at += format_.pack(rows + first * depth, depth, count, depth, strip->panels, scale.data() + strip->scale, weights_.data(),
                           at);
      };
      add(b.input, b.inputs, input_scale_);
      add(b.recurrent, b.depth, source_scale_);
    }
  turned_.assign(strips_.rbegin(), strips_.rend());
  team_ = size >= least_shared_bytes ? use.team : nullptr;
  if (team_) share(size / Index(format_.element_size));
}

// Cuts the strips into one part for each of the team, of about equal numbers of weights.
template <class T>
void RowMatrix<T>::share(Index size) {
  parts_.assign(1, 0);
  for (Index part = 1; part < team_->size(); ++part) {
    const Index target = size * part / team_->size();
    const auto nearer = [&](const RowStrip& strip) { return strip.weights < target; };
    parts_.push_back(Index(std::partition_point(strips_.begin() + parts_.back(), strips_.end(), nearer) - strips_.begin()));
  }
  parts_.push_back(Index(strips_.size()));
}

template <class T>
void RowMatrix<T>::multiply(const T* x, const T* source, const T* start, T* y) const {
  const RowWeights<T> weights{weights_.data(), input_scale_.data(), source_scale_.data()};
  const Index count = Index(strips_.size());
  turn_ = !turn_;
  const auto run = [&](Index begin, Index end) {
    const RowStrip* strips = turn_ ? turned_.data() + count - end : strips_.data() + begin;
    format_.multiply(weights, strips, end - begin, x, source, start, y);
  };
  if (!team_) return run(0, count);
  const auto part = [&](Index i) { run(parts_[std::size_t(i)], parts_[std::size_t(i + 1)]); };
  team_->run(part);
}

template class RowMatrix<float>;
template class RowMatrix<double>;

}  // namespace recurra
