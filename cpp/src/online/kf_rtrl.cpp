#include "kf_rtrl.h"

#include <algorithm>
#include <cmath>

#include "../backends/select.h"
#include "../math/hash.h"

namespace recurra {

namespace {

template <class T>
double norm(const std::vector<T>& values) {
  double sum = 0;
  for (const T v : values) sum += double(v) * double(v);
  return std::sqrt(sum);
}

}  // namespace

template <class T>
Index KfLearner<T>::columns(const CellLayout& layout) {
  Index initial = 0;
  for (const CarriedState& c : layout.carried) initial += c.initial >= 0 ? c.width : 0;
  return layout.a_width + layout.num_unit_params * layout.hidden_size + initial;
}

template <class T>
KfLearner<T>::KfLearner(const CellLayer<T>& layer, const KfOptions& options)
    : layer_(layer),
      options_(options),
      units_(layer),
      parameters_(unit_parameters(layer.layout())),
      columns_(columns(layer.layout())),
      states_(layer.layout().carried_width),
      schedule_(Schedule::sequences(1, 1)),
      tape_(layer.make_tape()),
      x_(std::size_t(layer.layout().input_size)),
      z_(std::size_t(width(layer.layout()))),
      u_(z_.size()),
      a_(std::size_t(columns_ * states_)),
      carried_(std::size_t(states_)),
      weight_(std::size_t(columns_)) {
  tape_->in = tape_->out = &schedule_;
  tape_->seeds = columns_;
  tape_->x = x_.data();
  tape_->x_stride = Index(x_.size());
  layer.reserve(*tape_, true);
  Index rows = 0, widest = 0;
  for (const UnitParameters& p : parameters_) {
    rows = std::max(rows, p.rows);
    widest = std::max(widest, p.columns);
  }
  scratch_.resize(std::size_t(kernels<T>(backend()).products.outer_scratch(rows, widest)));
}

// The initial states' columns go with the 1 in z, and so they begin exact.
template <class T>
void KfLearner<T>::reset() {
  forget();
  for (const UnitParameters& p : parameters_)
    for (Index i = 0; p.initial >= 0 && i < p.rows; ++i) {
      a_[std::size_t((p.column + i) * states_ + p.initial * units_.units() + i)] = T(1);
      u_.back() = T(1);
    }
}

template <class T>
void KfLearner<T>::forget() {
  std::fill(u_.begin(), u_.end(), T(0));
  std::fill(a_.begin(), a_.end(), T(0));
}

template <class T>
void KfLearner<T>::add_gradient(const LayerStep<T>& step, T* gradient) {
  layer_.gradient(step.tape, {1, 2}, {gradient});
  layer_.save_cotangent(step.tape, 0, 0, 0, carried_.data());
  for (Index column = 0; column < columns_; ++column) {
    T sum = 0;
    const T* a = a_.data() + column * states_;
    for (Index s = 0; s < states_; ++s) sum += carried_[std::size_t(s)] * a[s];
    weight_[std::size_t(column)] = T(options_.leak) * sum;
  }
  const Products<T>& products = kernels<T>(backend()).products;
  const Index inputs = layer_.layout().input_size;
  for (const UnitParameters& p : parameters_) {
    if (p.source == UnitParameters::Source::state) continue;  // no carried state depends on them
    const T* w = weight_.data() + p.column;
    const T* u = p.source == UnitParameters::Source::input  ? u_.data() + p.from
                 : p.source == UnitParameters::Source::feed ? u_.data() + inputs + p.from
                                                            : u_.data() + u_.size() - 1;
    products.outer(w, p.rows, u, p.columns, 1, p.rows, p.columns, gradient + p.offset, p.columns, scratch_.data());
  }
}

// D A by the layer's tangent, column by column of A.
template <class T>
void KfLearner<T>::advance(const LayerStep<T>& step) {
  const CellLayout& layout = layer_.layout();
  const auto& made = static_cast<const CellTape<T>&>(step.tape);
  layer_.save_state(made, 0, 0, carried_.data());
  layer_.load_state(*tape_, 0, carried_.data());
  std::copy_n(made.x, x_.size(), x_.begin());
  T* fed = std::copy_n(made.x, x_.size(), z_.data());
  std::copy_n(made.state.data(), layout.feed_width, fed);
  z_.back() = T(1);
  layer_.forward(step.weights, *tape_, {1, 2});
  layer_.clear_cotangents(*tape_);
  for (Index column = 0; column < columns_; ++column) layer_.add_cotangent(*tape_, 0, 0, column, a_.data() + column * states_);
  layer_.tangent(step.weights, *tape_, {1, 2});
  for (Index column = 0; column < columns_; ++column) layer_.save_cotangent(*tape_, 1, 0, column, a_.data() + column * states_);
  if (options_.leak != 1)
    for (T& value : a_) value *= T(options_.leak);
}

template <class T>
bool KfLearner<T>::step(const LayerStep<T>& step, T* gradient) {
  if (step.dy) add_gradient(step, gradient);
  units_.differentiate(step.weights, step.tape);
  advance(step);
  const Index units = units_.units(), entering = layer_.layout().a_width + layer_.layout().num_unit_params * units;
  double entered = 0;
  for (Index s = 0; s < units_.states(); ++s)
    for (Index column = 0; column < entering; ++column) {
      const double e = double(units_.enter()[s * units_.enter_stride() + column]);
      entered += e * e;
    }
  const std::uint64_t bits = mix(options_.key, std::uint64_t(steps_++));
  // Sizes of the four factors; those of a term that is zero do not matter.
  const double da = norm(a_), u = norm(u_), e = std::sqrt(entered), z = norm(z_);
  const double p0 = da > 0 && u > 0 ? std::sqrt(da / u) : 0, p1 = e > 0 ? std::sqrt(e / z) : 0;
  const double c0 = bits & 1 ? 1 : -1, c1 = bits & 2 ? 1 : -1;
  for (std::size_t j = 0; j < u_.size(); ++j) u_[j] = T(c0 * p0 * double(u_[j]) + c1 * p1 * double(z_[j]));
  for (T& value : a_) value = p0 > 0 ? T(c0 / p0 * double(value)) : T(0);
  for (Index s = 0; p1 > 0 && s < units_.states(); ++s)
    for (Index column = 0; column < entering; ++column)
      a_[std::size_t(column * states_ + s * units + column % units)] +=
          T(c1 / p1 * double(units_.enter()[s * units_.enter_stride() + column]));
  const Reductions<T>& reductions = kernels<T>(backend()).reductions;
  const double most = double(reductions.largest(u_.data(), Index(u_.size()))) *  //
                      double(reductions.largest(a_.data(), Index(a_.size())));
  return most <= options_.guard;
}

template <class T>
void KfLearner<T>::save(OnlineFile<T>& file, const std::string& prefix) const {
  file.put(prefix + "u", u_);
  file.put(prefix + "a", a_);
  file.put(prefix + "steps", steps_);
}

template <class T>
void KfLearner<T>::load(const OnlineFile<T>& file, const std::string& prefix) {
  file.copy(prefix + "u", u_);
  file.copy(prefix + "a", a_);
  steps_ = file.number(prefix + "steps");
}

template class KfLearner<float>;
template class KfLearner<double>;

}  // namespace recurra
