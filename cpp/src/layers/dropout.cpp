#include "dropout.h"

#include <algorithm>

#include "../math/hash.h"

namespace recurra {

namespace {
template <class T>
struct DropoutTape : PlainTape<T> {
  std::vector<T> mask;  // for the way back: 0 or 1 / (1 - probability), or 1 where nothing is drawn
  std::size_t bytes() const override { return PlainTape<T>::bytes() + bytes_of(mask); }
};
}  // namespace

// Decides the mask of row i of a level.
template <class T>
std::uint64_t Dropout<T>::mix_place(const Tape<T>& tape, std::uint64_t key, Index level, Index i) const {
  if (!tape.topology) {
    const std::uint64_t sequence = mix(key, std::uint64_t(tape.noise.sequence[i]));
    return per_sequence_ ? sequence : mix(sequence, std::uint64_t(tape.noise.before + level));
  }
  const Index node = tape.in->first_node(level) + i;
  if (!per_sequence_) return mix(key, std::uint64_t(tape.noise.node[node]));
  return mix(key, std::uint64_t(tape.noise.sequence[tape.topology->structure_of[std::size_t(tape.topology->number(node))]]));
}

template <class T>
std::unique_ptr<Tape<T>> Dropout<T>::make_tape() const {
  return std::make_unique<DropoutTape<T>>();
}

template <class T>
void Dropout<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = static_cast<DropoutTape<T>&>(base);
  reserve_plain(tape, size_, backward);
  tape.mask.resize(backward ? tape.output.size() : 0);
}

template <class T>
void Dropout<T>::forward(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<DropoutTape<T>&>(base);
  const T kept = T(1 / (1 - probability_));
  for (Index level = levels.begin; level < levels.end; ++level)
    for (Index i = 0; i < tape.in->size(level); ++i) {
      const Index node = tape.in->first_node(level) + i;
      const T* x = tape.x + node * tape.x_stride;
      T* y = tape.y + node * tape.y_stride;
      if (!tape.noise.training) {
        std::copy_n(x, size_, y);
        if (!tape.mask.empty()) std::fill_n(tape.mask.begin() + node * size_, size_, T(1));
        continue;
      }
      masks_.draw(mix_place(tape, mix(tape.noise.key, salt_), level, i), probability_, T(0), kept, size_, y);
      if (!tape.mask.empty()) std::copy_n(y, size_, tape.mask.begin() + node * size_);
      for (Index j = 0; j < size_; ++j) y[j] *= x[j];
    }
}

template <class T>
void Dropout<T>::tangent(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<DropoutTape<T>&>(base);
  for (Index i = tape.in->first_node(levels.begin); i < tape.in->first_node(levels.end); ++i)
    for (Index seed = 0; seed < tape.seeds; ++seed) {
      const Index c = i * tape.seeds + seed;
      for (Index j = 0; j < size_; ++j)
        tape.dy[c * tape.dy_stride + j] =
            tape.dx ? tape.dx[c * tape.dx_stride + j] * tape.mask[std::size_t(i * size_ + j)] : T(0);
    }
}

template <class T>
void Dropout<T>::backward(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = static_cast<DropoutTape<T>&>(base);
  if (!tape.dx) return;
  for (Index i = tape.in->first_node(levels.begin); i < tape.in->first_node(levels.end); ++i)
    for (Index seed = 0; seed < tape.seeds; ++seed) {
      const Index c = i * tape.seeds + seed;
      for (Index j = 0; j < size_; ++j)
        tape.dx[c * tape.dx_stride + j] += tape.dy[c * tape.dy_stride + j] * tape.mask[std::size_t(i * size_ + j)];
    }
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace recurra
