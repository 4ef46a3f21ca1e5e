#include "influence.h"

#include <algorithm>

#include "../backends/select.h"

namespace recurra {

namespace {

constexpr Index chunk = 192;  // columns of J multiplied at a time, a multiple of every kernel's tile

}  // namespace

template <class T>
std::vector<InfluenceRows> influence_rows(const Model<T>& model, Index seeds, std::size_t learning) {
  std::vector<InfluenceRows> all;
  for (std::size_t i = learning; i < model.layers.size(); ++i) {
    const Index first = model.state_offset[i], last = model.state_offset[i + 1];
    const Index offset = model.parameter_offset[learning], columns = model.parameter_offset[i + 1] - offset;
    if (first < last && columns > 0)
      all.push_back(
          {first, last, learning, i + 1, offset, columns, padded_stride<T>(columns), (last - first + seeds - 1) / seeds * seeds});
  }
  return all;
}

template <class T>
Influence<T>::Influence(const Model<T>& model, Index seeds, std::size_t learning)
    : products_(kernels<T>(backend()).products),
      reductions_(kernels<T>(backend()).reductions),
      state_size_(model.state_offset.back()),
      rows_(influence_rows(model, seeds, learning)) {
  Index most = 0;
  for (const InfluenceRows& r : rows_) {
    parts_.emplace_back(std::size_t(r.padded * r.stride), T(0));
    most = std::max(most, r.last - r.first);
  }
  packed_.resize(std::size_t(products_.packed_size(most, chunk)));
}

template <class T>
GradientTarget<T> Influence<T>::target(std::size_t part, Index first) {
  return {parts_[part].data() + first * rows_[part].stride, rows_[part].stride};
}

template <class T>
const T* Influence<T>::row(std::size_t part, Index first) const {
  return parts_[part].data() + first * rows_[part].stride;
}

template <class T>
void Influence<T>::clear() {
  if (zero_) return;
  for (auto& part : parts_) std::fill(part.begin(), part.end(), T(0));
  zero_ = true;
}

template <class T>
void Influence<T>::add_to(const T* v, T* gradient) const {
  if (zero_) return;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const InfluenceRows& r = rows_[i];
    reductions_.combine(v + r.first, r.last - r.first, parts_[i].data(), r.stride, r.columns, gradient + r.offset);
  }
}

template <class T>
void Influence<T>::add_product(const std::vector<T>& w, const Influence& before) {
  if (before.zero_) return;
  for (std::size_t from = 0; from < rows_.size(); ++from) {
    const InfluenceRows& source = rows_[from];
    const Index depth = source.last - source.first;
    for (Index column = 0; column < source.columns; column += chunk) {
      const Index width = std::min(chunk, source.columns - column);
      products_.pack(before.parts_[from].data() + column, source.stride, 1, depth, width, packed_.data());
      for (std::size_t to = from; to < rows_.size(); ++to) {  // the state of a layer never influences one below
        const InfluenceRows& rows = rows_[to];
        products_.multiply(w.data() + rows.first * state_size_ + source.first, state_size_, rows.last - rows.first,
                           packed_.data(), depth, width, parts_[to].data() + column, rows.stride, parts_[to].data() + column,
                           rows.stride, Reading::near);
      }
    }
  }
}

template <class T>
T Influence<T>::largest() const {
  T most = 0;
  for (const auto& part : parts_) {
    const T largest = reductions_.largest(part.data(), Index(part.size()));
    if (!(largest <= most)) most = largest;
    if (most != most) return most;
  }
  return most;
}

template class Influence<float>;
template class Influence<double>;
template std::vector<InfluenceRows> influence_rows(const Model<float>&, Index, std::size_t);
template std::vector<InfluenceRows> influence_rows(const Model<double>&, Index, std::size_t);

}  // namespace recurra
