#include "delay.h"

#include <algorithm>
#include <stdexcept>

namespace recurra {

namespace {

template <class T>
struct DelayTape : PlainTape<T> {
  // The inputs before the first step, [sequences][depth][size]: a ring, so that a step of a stream moves one of them. The
  // input `age` steps before the first one (0: right before it) stands at (newest + age) modulo depth.
  std::vector<T> past;
  Index newest = 0;
  // Cotangents (or, going forward, tangents) of the state after one level, [sequences * seeds][depth][size], latest first.
  std::vector<T> given;
  std::vector<Index> given_level;  // by sequence; -1: none
  bool tangents = false;           // whether it was gone through forward since, so that tangents are what stands here
  std::size_t bytes() const override { return PlainTape<T>::bytes() + bytes_of(past, given, given_level); }
};

template <class T>
DelayTape<T>& of(Tape<T>& tape) {
  return static_cast<DelayTape<T>&>(tape);
}

void add(const auto* from, Index count, auto* to) {
  for (Index j = 0; j < count; ++j) to[j] += from[j];
}

// The tangent of the input of a level, which may lie before the first step; null: it is zero.
template <class T>
const T* input_tangent(const DelayTape<T>& tape, Index level, Index sequence, Index seed, Index depth, Index size) {
  const Index age = tape.given_level[std::size_t(sequence)] - level;
  if (age >= 0 && age < depth) return tape.given.data() + ((sequence * tape.seeds + seed) * depth + age) * size;
  if (level < 1 || !tape.dx) return nullptr;
  return tape.dx + ((tape.in->first_node(level) + sequence) * tape.seeds + seed) * tape.dx_stride;
}

}  // namespace

template <class T>
std::unique_ptr<Tape<T>> Delay<T>::make_tape() const {
  return std::make_unique<DelayTape<T>>();
}

template <class T>
void Delay<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = of(base);
  if (!tape.in->is_chain()) throw std::invalid_argument("Delay: the nodes form a graph, expected sequences");
  reserve_plain(tape, output_size(), backward);
  tape.past.resize(std::size_t(tape.in->num_roots() * depth() * size_));
  if (!backward) return;
  tape.given.resize(tape.past.size() * std::size_t(tape.seeds));
  tape.given_level.resize(std::size_t(tape.in->num_roots()));
}

template <class T>
void Delay<T>::load_state(Tape<T>& base, Index sequence, const T* from) const {
  auto& tape = of(base);
  for (Index age = 0; age < depth(); ++age)
    std::copy_n(from + age * size_, size_, tape.past.begin() + (sequence * depth() + (tape.newest + age) % depth()) * size_);
}

template <class T>
void Delay<T>::save_state(const Tape<T>& base, Index level, Index sequence, T* to) const {
  const auto& tape = static_cast<const DelayTape<T>&>(base);
  for (Index age = 0; age < depth(); ++age) {
    const Index before = age - level;  // steps before the first
    const T* from = before < 0 ? tape.x + (tape.in->first_node(-before) + sequence) * tape.x_stride
                               : tape.past.data() + (sequence * depth() + (tape.newest + before) % depth()) * size_;
    to = std::copy_n(from, size_, to);
  }
}

template <class T>
void Delay<T>::carry(Tape<T>& base, Index level) const {
  auto& tape = of(base);
  for (Index l = 1; depth() > 0 && l <= level; ++l) {
    tape.newest = (tape.newest + depth() - 1) % depth();
    for (Index i = 0; i < tape.in->num_roots(); ++i)
      std::copy_n(tape.x + (tape.in->first_node(l) + i) * tape.x_stride, size_,
                  tape.past.begin() + (i * depth() + tape.newest) * size_);
  }
}

template <class T>
void Delay<T>::forward(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = of(base);
  const Schedule& schedule = *tape.in;
  for (Index level = levels.begin; level < levels.end; ++level)
    for (Index i = 0; i < schedule.size(level); ++i) {
      const Index node = schedule.first_node(level) + i;
      T* y = tape.y + node * tape.y_stride;
      if (present_) y = std::copy_n(tape.x + node * tape.x_stride, size_, y);
      for (Index tap = 1; tap <= taps_; ++tap) {
        const Index from = level - tap * dilation_;  // the level looked back to
        y = std::copy_n(from >= 1 ? tape.x + (schedule.first_node(from) + i) * tape.x_stride
                                  : tape.past.data() + (i * depth() + (tape.newest - from) % depth()) * size_,
                        size_, y);
      }
    }
}

template <class T>
void Delay<T>::tangent(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = of(base);
  tape.tangents = true;
  const Schedule& schedule = *tape.in;
  for (Index level = levels.begin; level < levels.end; ++level)
    for (Index i = 0; i < schedule.size(level); ++i)
      for (Index seed = 0; seed < tape.seeds; ++seed) {
        T* dy = tape.dy + ((schedule.first_node(level) + i) * tape.seeds + seed) * tape.dy_stride;
        for (Index tap = !present_; tap <= taps_; ++tap) {
          const T* from = input_tangent(tape, level - tap * dilation_, i, seed, depth(), size_);
          dy = from ? std::copy_n(from, size_, dy) : std::fill_n(dy, size_, T(0));
        }
      }
}

template <class T>
void Delay<T>::clear_cotangents(Tape<T>& base) const {
  auto& tape = of(base);
  clear_plain(base);
  std::fill(tape.given.begin(), tape.given.end(), T(0));
  std::fill(tape.given_level.begin(), tape.given_level.end(), Index(-1));
  tape.tangents = false;
}

// An input collects what its own step and the later ones that looked back to it give; so nothing is owed to earlier steps.
template <class T>
void Delay<T>::backward(const Weights<T>&, Tape<T>& base, Levels levels) const {
  auto& tape = of(base);
  if (!tape.dx) return;
  const Schedule& schedule = *tape.in;
  for (Index level = levels.begin; level < levels.end; ++level)
    for (Index i = 0; i < schedule.size(level); ++i)
      for (Index seed = 0; seed < tape.seeds; ++seed) {
        T* dx = tape.dx + ((schedule.first_node(level) + i) * tape.seeds + seed) * tape.dx_stride;
        for (Index tap = !present_; tap <= taps_; ++tap) {
          const Index by = level + tap * dilation_;
          if (by > schedule.num_levels() || i >= schedule.size(by)) break;
          const T* dy = tape.dy + ((schedule.first_node(by) + i) * tape.seeds + seed) * tape.dy_stride;
          add(dy + column(tap), size_, dx);
        }
        const Index age = tape.given_level[std::size_t(i)] - level;
        if (age >= 0 && age < depth()) add(tape.given.data() + ((i * tape.seeds + seed) * depth() + age) * size_, size_, dx);
      }
}

template <class T>
void Delay<T>::add_cotangent(Tape<T>& base, Index level, Index sequence, Index seed, const T* from) const {
  auto& tape = of(base);
  Index& given = tape.given_level[std::size_t(sequence)];
  if (given >= 0 && given != level) throw std::logic_error("Delay: cotangents are given after two levels, expected one");
  given = level;
  add(from, depth() * size_, tape.given.data() + (sequence * tape.seeds + seed) * depth() * size_);
}

// What later steps looked back to, and the cotangents given after a later level, shifted back to this one; after `tangent`, how
// the latest inputs move.
template <class T>
void Delay<T>::save_cotangent(Tape<T>& base, Index level, Index sequence, Index seed, T* to) const {
  auto& tape = of(base);
  const Schedule& schedule = *tape.in;
  for (Index age = 0; tape.tangents && age < depth(); ++age) {
    const T* from = input_tangent(tape, level - age, sequence, seed, depth(), size_);
    to = from ? std::copy_n(from, size_, to) : std::fill_n(to, size_, T(0));
  }
  if (tape.tangents) return;
  const Index given = tape.given_level[std::size_t(sequence)];
  for (Index age = 0; age < depth(); ++age, to += size_) {
    std::fill_n(to, size_, T(0));
    for (Index tap = age / dilation_ + 1; tap <= taps_; ++tap) {
      const Index by = level - age + tap * dilation_;
      if (by > schedule.num_levels() || sequence >= schedule.size(by)) break;
      const T* dy = tape.dy + ((schedule.first_node(by) + sequence) * tape.seeds + seed) * tape.dy_stride;
      add(dy + column(tap), size_, to);
    }
    const Index then = age + given - level;
    if (given >= level && then < depth())
      add(tape.given.data() + ((sequence * tape.seeds + seed) * depth() + then) * size_, size_, to);
  }
}

template class Delay<float>;
template class Delay<double>;

}  // namespace recurra
