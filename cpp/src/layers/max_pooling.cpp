#include "max_pooling.h"

#include <algorithm>

namespace recurra {

namespace {
template <class T>
struct MaxTape : PlainTape<T> {
  std::vector<T> max;         // [sequences][size + 1]: the maximum so far and, last, the count
  std::vector<Index> winner;  // [sequences][size]: the level the maximum is from; 0: carried, or none yet
  std::size_t bytes() const override { return PlainTape<T>::bytes() + bytes_of(max, winner); }
};

// The winners inside these levels: visit(sequence, feature, its node).
template <class T, class Visit>
void for_each_winner(const MaxTape<T>& tape, Index size, Levels levels, const Visit& visit) {
  for (Index i = 0; i < tape.in->num_roots(); ++i)
    for (Index j = 0; j < size; ++j) {
      const Index level = tape.winner[std::size_t(i * size + j)];
      if (level >= levels.begin && level < levels.end) visit(i, j, tape.in->first_node(level) + i);
    }
}
}  // namespace

template <class T>
std::unique_ptr<Tape<T>> Max<T>::make_tape() const {
  return std::make_unique<MaxTape<T>>();
}

template <class T>
void Max<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<MaxTape<T>&>(base);
  reserve_plain(tape, size_, backward);
  tape.max.resize(std::size_t(tape.in->num_roots() * (size_ + 1)));
  tape.winner.resize(std::size_t(tape.in->num_roots() * size_));
}

template <class T>
void Max<T>::load_state(Tape<T>& base, Index sequence, const T* from) const {
  std::copy_n(from, size_ + 1, static_cast<MaxTape<T>&>(base).max.begin() + sequence * (size_ + 1));
}

template <class T>
void Max<T>::save_state(const Tape<T>& base, Index, Index sequence, T* to) const {
  std::copy_n(static_cast<const MaxTape<T>&>(base).max.begin() + sequence * (size_ + 1), size_ + 1, to);
}

template <class T>
void Max<T>::forward(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<MaxTape<T>&>(base);
  if (levels.begin == 1) std::fill(tape.winner.begin(), tape.winner.end(), Index(0));
  for (Index level = levels.begin; level < levels.end; ++level)
    for (Index i = 0; i < tape.in->size(level); ++i) {
      const T* x = tape.x + (tape.in->first_node(level) + i) * tape.x_stride;
      T* max = tape.max.data() + i * (size_ + 1);
      Index* winner = tape.winner.data() + i * size_;
      const bool first = max[size_] == T(0);
      max[size_] += T(1);
      for (Index j = 0; j < size_; ++j)
        if (first || x[j] > max[j] || x[j] != x[j]) {  // a NaN must not be passed over; once there, it stays
          max[j] = x[j];
          winner[j] = level;
        }
    }
  for (Index i = 0; i < tape.in->num_roots(); ++i)
    std::copy_n(tape.max.data() + i * (size_ + 1), size_, tape.y + i * tape.y_stride);
}

template <class T>
void Max<T>::tangent(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<MaxTape<T>&>(base);
  if (levels.begin == 1) std::fill_n(tape.dy, tape.in->num_roots() * tape.seeds * tape.dy_stride, T(0));
  if (!tape.dx) return;
  for_each_winner(tape, size_, levels, [&](Index i, Index j, Index node) {
    for (Index seed = 0; seed < tape.seeds; ++seed)
      tape.dy[(i * tape.seeds + seed) * tape.dy_stride + j] = tape.dx[(node * tape.seeds + seed) * tape.dx_stride + j];
  });
}

template <class T>
void Max<T>::backward(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<MaxTape<T>&>(base);
  if (!tape.dx) return;
  for_each_winner(tape, size_, levels, [&](Index i, Index j, Index node) {
    for (Index seed = 0; seed < tape.seeds; ++seed)
      tape.dx[(node * tape.seeds + seed) * tape.dx_stride + j] += tape.dy[(i * tape.seeds + seed) * tape.dy_stride + j];
  });
}

template class Max<float>;
template class Max<double>;

}  // namespace recurra
