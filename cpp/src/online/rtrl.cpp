#include "rtrl.h"

#include <algorithm>
#include <stdexcept>

#include "../backends/select.h"

namespace recurra {

template <class T>
RtrlRow<T>::RtrlRow(const Model<T>& model, const WeightHistory<T>& history, Settings settings, std::shared_ptr<Scratch> scratch)
    : RowRule<T>(model, history, settings.block, settings.seeds),
      settings_(settings),
      influence_(model, settings.seeds, settings.learning),
      scratch_(std::move(scratch)),
      cotangent_(this->state_.size()) {
  start_influence();
  learns_start_ = influence_.largest() > 0;
  RtrlRow::reset();
}

// Learned initial states: the identity where a state is a parameter.
template <class T>
void RtrlRow<T>::start_influence() {
  this->block_.set_seeds(settings_.seeds);
  for (std::size_t part = 0; part < influence_.rows().size(); ++part) {
    const InfluenceRows& rows = influence_.rows()[part];
    for (Index first = rows.first; first < rows.last; first += settings_.seeds)
      this->block_.initial_seeds(rows, first, influence_.target(part, first - rows.first));
  }
  this->block_.set_seeds(1);
  influence_.filled();
}

template <class T>
void RtrlRow<T>::reset() {
  RowRule<T>::reset();
  influence_.clear();
  if (learns_start_) start_influence();
}

template <class T>
bool RtrlRow<T>::gradient(T* to) {
  if (!this->block_.learned()) return true;
  const T given = this->block_.walk_back(to, cotangent_.data());
  const T arrived = kernels<T>(backend()).reductions.largest(cotangent_.data(), Index(cotangent_.size()));
  if (!(double(arrived) <= settings_.guard * double(given))) return false;
  if (settings_.leak != 1)
    for (T& v : cotangent_) v *= T(settings_.leak);
  influence_.add_to(cotangent_.data(), to);
  return true;
}

template <class T>
bool RtrlRow<T>::advance() {
  Influence<T>& next = scratch_->next;
  std::vector<T>& w = scratch_->w;
  next.clear();
  this->block_.set_seeds(settings_.seeds);
  for (std::size_t part = 0; part < next.rows().size(); ++part) {
    const InfluenceRows& rows = next.rows()[part];
    for (Index first = rows.first; first < rows.last; first += settings_.seeds)
      this->block_.walk_back_seeds(rows, first, next.target(part, first - rows.first),
                                   w.data() + first * Index(this->state_.size()));
  }
  this->block_.set_seeds(1);
  next.filled();
  if (settings_.leak != 1)
    for (T& v : w) v *= T(settings_.leak);
  next.add_product(w, influence_);
  return double(next.largest()) <= settings_.guard;
}

template <class T>
bool RtrlRow<T>::settle(T* to, bool now) {
  if (!this->block_.full() && !(now && this->block_.steps() > 0)) return true;
  if (!gradient(to) || !advance()) return false;
  influence_.swap(scratch_->next);
  this->save_state(this->state_.data());
  this->block_.begin(this->state_.data());
  return true;
}

template <class T>
void RtrlRow<T>::forget() {
  influence_.clear();
  this->save_state(this->state_.data());
  this->block_.begin(this->state_.data());
}

template <class T>
void RtrlRow<T>::influence(Index offset, Index size, T* to) {
  const bool empty = this->block_.steps() == 0;
  if (!empty) advance();
  const Influence<T>& now = empty ? influence_ : scratch_->next;
  std::fill_n(to, Index(this->state_.size()) * size, T(0));
  for (std::size_t part = 0; part < now.rows().size(); ++part) {
    const InfluenceRows& rows = now.rows()[part];
    const Index column = offset - rows.offset;
    for (Index i = rows.first; column >= 0 && column < rows.columns && i < rows.last; ++i)
      std::copy_n(now.row(part, i - rows.first) + column, size, to + i * size);
  }
}

template <class T>
void RtrlRow<T>::save(OnlineFile<T>& file, const std::string& prefix) const {
  RowRule<T>::save(file, prefix);
  file.put(prefix + "influence", std::int64_t(!influence_.is_zero()));
  for (std::size_t part = 0; !influence_.is_zero() && part < influence_.rows().size(); ++part)
    file.put(prefix + "influence." + std::to_string(part), influence_.part(part));
}

template <class T>
void RtrlRow<T>::load(const OnlineFile<T>& file, const std::string& prefix) {
  influence_.clear();
  if (file.number(prefix + "influence", 0, 1) != 0)
    for (std::size_t part = 0; part < influence_.rows().size(); ++part) {
      file.copy(prefix + "influence." + std::to_string(part), {influence_.target(part, 0).data, influence_.part(part).size()});
      influence_.filled();
    }
  RowRule<T>::load(file, prefix);
}

template class RtrlRow<float>;
template class RtrlRow<double>;

}  // namespace recurra
