#include "pooling.h"

#include <algorithm>

namespace recurra {

namespace {
template <class T>
struct MeanTape : PlainTape<T> {
  std::vector<T> mean;  // [sequences][size + 1]: the mean so far and, last, the count
  std::vector<T> dsum;  // [sequences * seeds][size]: tangents of the sum
  std::size_t bytes() const override { return PlainTape<T>::bytes() + bytes_of(mean, dsum); }
};
}  // namespace

template <class T>
void Last<T>::reserve(Tape<T>& tape, bool backward) const {
  reserve_plain(static_cast<PlainTape<T>&>(tape), size_, backward);
}

template <class T>
void Last<T>::forward(const Weights<T>&, Tape<T>& tape, Levels levels) const {
  if (levels.begin == 1) std::fill_n(tape.y, tape.in->num_roots() * tape.y_stride, T(0));
  for (Index level = levels.begin; level < levels.end; ++level)
    for (Index i = 0; i < tape.in->size(level); ++i)
      std::copy_n(tape.x + (tape.in->first_node(level) + i) * tape.x_stride, size_, tape.y + i * tape.y_stride);
}

template <class T>
void Last<T>::tangent(const Weights<T>&, Tape<T>& tape, Levels levels) const {
  if (levels.begin == 1) std::fill_n(tape.dy, tape.in->num_roots() * tape.seeds * tape.dy_stride, T(0));
  for (Index level = levels.begin; tape.dx && level < levels.end; ++level)
    for (Index c = 0; c < tape.in->size(level) * tape.seeds; ++c)
      std::copy_n(tape.dx + (tape.in->first_node(level) * tape.seeds + c) * tape.dx_stride, size_, tape.dy + c * tape.dy_stride);
}

template <class T>
void Last<T>::backward(const Weights<T>&, Tape<T>& tape, Levels levels) const {
  if (!tape.dx) return;
  for (Index i = 0; i < tape.in->num_roots(); ++i) {
    const Index level = tape.in->length(i);
    if (level < levels.begin || level >= levels.end) continue;
    for (Index seed = 0; seed < tape.seeds; ++seed) {
      const T* dy = tape.dy + (i * tape.seeds + seed) * tape.dy_stride;
      T* dx = tape.dx + ((tape.in->first_node(level) + i) * tape.seeds + seed) * tape.dx_stride;
      for (Index j = 0; j < size_; ++j) dx[j] += dy[j];
    }
  }
}

template <class T>
std::unique_ptr<Tape<T>> Mean<T>::make_tape() const {
  return std::make_unique<MeanTape<T>>();
}

template <class T>
void Mean<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<MeanTape<T>&>(base);
  reserve_plain(tape, size_, backward);
  tape.mean.resize(std::size_t(tape.in->num_roots() * (size_ + 1)));
  tape.dsum.resize(backward ? std::size_t(tape.in->num_roots() * tape.seeds * size_) : 0);
}

template <class T>
void Mean<T>::load_state(Tape<T>& base, Index sequence, const T* from) const {
  std::copy_n(from, size_ + 1, static_cast<MeanTape<T>&>(base).mean.begin() + sequence * (size_ + 1));
}

template <class T>
void Mean<T>::save_state(const Tape<T>& base, Index, Index sequence, T* to) const {
  std::copy_n(static_cast<const MeanTape<T>&>(base).mean.begin() + sequence * (size_ + 1), size_ + 1, to);
}

template <class T>
void Mean<T>::forward(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<MeanTape<T>&>(base);
  for (Index level = levels.begin; level < levels.end; ++level)
    for (Index i = 0; i < tape.in->size(level); ++i) {
      const T* x = tape.x + (tape.in->first_node(level) + i) * tape.x_stride;
      T* mean = tape.mean.data() + i * (size_ + 1);
      mean[size_] += T(1);
      const T share = T(1) / mean[size_];
      for (Index j = 0; j < size_; ++j) mean[j] += (x[j] - mean[j]) * share;
    }
  for (Index i = 0; i < tape.in->num_roots(); ++i)
    std::copy_n(tape.mean.data() + i * (size_ + 1), size_, tape.y + i * tape.y_stride);
}

template <class T>
void Mean<T>::tangent(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<MeanTape<T>&>(base);
  for (Index level = levels.begin; tape.dx && level < levels.end; ++level)
    for (Index c = 0; c < tape.in->size(level) * tape.seeds; ++c) {
      const T* dx = tape.dx + (tape.in->first_node(level) * tape.seeds + c) * tape.dx_stride;
      for (Index j = 0; j < size_; ++j) tape.dsum[std::size_t(c * size_ + j)] += dx[j];
    }
  for (Index c = 0; c < tape.in->num_roots() * tape.seeds; ++c) {
    const T count = tape.mean[std::size_t(c / tape.seeds * (size_ + 1) + size_)];
    for (Index j = 0; j < size_; ++j)
      tape.dy[c * tape.dy_stride + j] = count > T(0) ? tape.dsum[std::size_t(c * size_ + j)] / count : T(0);
  }
}

template <class T>
void Mean<T>::clear_cotangents(Tape<T>& base) const {
  auto& tape = static_cast<MeanTape<T>&>(base);
  std::fill(tape.dsum.begin(), tape.dsum.end(), T(0));
  std::fill(tape.doutput.begin(), tape.doutput.end(), T(0));
}

template <class T>
void Mean<T>::backward(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<MeanTape<T>&>(base);
  if (!tape.dx) return;
  for (Index level = levels.begin; level < levels.end; ++level)
    for (Index i = 0; i < tape.in->size(level); ++i)
      for (Index seed = 0; seed < tape.seeds; ++seed) {
        const T* dy = tape.dy + (i * tape.seeds + seed) * tape.dy_stride;
        T* dx = tape.dx + ((tape.in->first_node(level) + i) * tape.seeds + seed) * tape.dx_stride;
        for (Index j = 0; j < size_; ++j) dx[j] += dy[j] / tape.mean[std::size_t(i * (size_ + 1) + size_)];
      }
}

template class Last<float>;
template class Last<double>;
template class Mean<float>;
template class Mean<double>;

}  // namespace recurra
