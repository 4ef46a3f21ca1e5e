// The influence J = d(state)/d(parameters) of one row: how its state would be, had the weights always been a little different.
//
// The state of a layer depends on its own parameters and on those of the layers below, which come first in the flat vector. So
// the rows of J that belong to one layer are a matrix that is as wide as the parameters up to that layer's last one.
#pragma once

#include <span>

#include "../layers/packed_matrix.h"
#include "influence_rows.h"

namespace recurra {

template <class T>
class Influence {
 public:
  // `seeds`: how many rows one walk writes at a time; `learning`: the first layer whose parameters count.
  Influence(const Model<T>& model, Index seeds, std::size_t learning = 0);

  const std::vector<InfluenceRows>& rows() const { return rows_; }
  // Rows first .. of one layer's part.
  GradientTarget<T> target(std::size_t part, Index first);
  const T* row(std::size_t part, Index first) const;
  std::span<const T> part(std::size_t i) const { return parts_[i]; }

  void swap(Influence& other) noexcept {  // of the same model
    parts_.swap(other.parts_);
    std::swap(zero_, other.zero_);
  }
  void clear();
  bool is_zero() const { return zero_; }
  void filled() { zero_ = false; }  // somebody wrote to its rows
  // gradient += v J, for a cotangent of the whole state; `gradient` is laid out as the flat parameters.
  void add_to(const T* v, T* gradient) const;
  // J += W before, where row i of W [state][state] is the derivative of the state's element i by the state before.
  void add_product(const std::vector<T>& w, const Influence& before);
  // The largest magnitude; NaN if some element is not finite.
  T largest() const;

 private:
  const Products<T>& products_;
  const Reductions<T>& reductions_;
  Index state_size_;
  std::vector<InfluenceRows> rows_;
  std::vector<AlignedVector<T>> parts_;  // [padded][stride] by layer with rows
  AlignedVector<T> packed_;
  bool zero_ = true;
};

}  // namespace recurra
