// Attention backwards: through the contexts, the softmax and the scores, to the queries and the memory.
#include <algorithm>
#include <stdexcept>

#include "attention.h"
#include "attention_tape.h"

namespace recurra {

template <class T>
void Attention<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const {
  throw std::invalid_argument("Attention: it needs all steps of its source, expected a network that goes forward step by step");
}

template <class T>
void Attention<T>::clear_cotangents(Tape<T>& base) const {
  auto& tape = attention_tape(base);
  clear_plain(base);
  std::fill(tape.dkeys.begin(), tape.dkeys.end(), T(0));
  std::fill(tape.dquery.begin(), tape.dquery.end(), T(0));
  std::fill(tape.dscore.begin(), tape.dscore.end(), T(0));
}

template <class T>
void Attention<T>::score_back(const Weights<T>& weights, Tape<T>& base, const Query& q, const T* dscore) const {
  auto& tape = attention_tape(base);
  Memory<T>& memory = *tape.memory;
  const Index rows = memory.length[std::size_t(q.source)], first = memory.first[std::size_t(q.source)];
  if (units_ == 0) {
    std::fill_n(tape.dqueries.begin(), q.count * size_, T(0));
    tape.sources[std::size_t(q.source)].plain.multiply(products_, dscore, rows, q.count, tape.dqueries.data(), size_);
    add_outer(products_, dscore, rows, tape.queries.data(), size_, q.count, rows, size_,
              memory.drows.data() + first * memory_width_, memory_width_, tape.scratch.data());
    return;
  }
  const T* v = attention_weights(weights).v.data();
  for (Index t = 0; t < q.count; ++t) {
    const Index node = tape.in->first_node(q.first_level + t) + q.sequence;
    const T* matched = match(base, node, q.source);
    T* dquery = tape.dquery.data() + node * units_;
    for (Index s = 0; s < rows; ++s) {
      const T d = dscore[t * rows + s];
      T* dkey = tape.dkeys.data() + (first + s) * units_;
      for (Index j = 0; j < units_; ++j) {
        const T m = matched[s * units_ + j], slope = d * v[j] * (T(1) - m * m);
        tape.dscore[std::size_t(j)] += d * m;
        dquery[j] += slope;
        dkey[j] += slope;
      }
    }
  }
}

template <class T>
void Attention<T>::backward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  auto& tape = attention_tape(base);
  Memory<T>& memory = *tape.memory;
  for_each_query(base, levels, [&](const Query& q) {
    const Index rows = memory.length[std::size_t(q.source)];
    const auto node = [&](Index t) { return tape.in->first_node(q.first_level + t) + q.sequence; };
    for (Index t = 0; t < q.count; ++t) {
      std::copy_n(tape.x + node(t) * tape.x_stride, size_, tape.queries.data() + t * size_);
      std::copy_n(tape.dy + node(t) * tape.dy_stride + size_, memory_width_, tape.context.data() + t * memory_width_);
    }
    const T* alpha = tape.alpha.data() + tape.alpha_first[std::size_t(q.sequence)] + (q.first_level - 1) * rows;
    T* dalpha = tape.dalpha.data();
    std::fill_n(dalpha, q.count * rows, T(0));
    tape.sources[std::size_t(q.source)].transposed.multiply(products_, tape.context.data(), memory_width_, q.count, dalpha, rows);
    add_outer(products_, alpha, rows, tape.context.data(), memory_width_, q.count, rows, memory_width_,
              memory.drows.data() + memory.first[std::size_t(q.source)] * memory_width_, memory_width_, tape.scratch.data());
    for (Index t = 0; t < q.count; ++t) {  // through the softmax: dalpha becomes dscore
      T mean = 0;
      for (Index s = 0; s < rows; ++s) mean += alpha[t * rows + s] * dalpha[t * rows + s];
      for (Index s = 0; s < rows; ++s) dalpha[t * rows + s] = alpha[t * rows + s] * (dalpha[t * rows + s] - mean);
    }
    score_back(weights, base, q, dalpha);
    for (Index t = 0; units_ == 0 && tape.dx && t < q.count; ++t)
      for (Index j = 0; j < size_; ++j) tape.dx[node(t) * tape.dx_stride + j] += tape.dqueries[std::size_t(t * size_ + j)];
  });
  const Index first = tape.in->first_node(levels.begin), end = tape.in->first_node(levels.end);
  for (Index i = first; tape.dx && i < end; ++i)
    for (Index j = 0; j < size_; ++j) tape.dx[i * tape.dx_stride + j] += tape.dy[i * tape.dy_stride + j];
  if (units_ == 0) return;
  const auto& w = attention_weights(weights);
  if (tape.dx)
    w.query_back.multiply(products_, tape.dquery.data() + first * units_, units_, end - first, tape.dx + first * tape.dx_stride,
                          tape.dx_stride);
  if (levels.begin == 1)
    w.key_back.multiply(products_, tape.dkeys.data(), units_, memory.num_rows(), memory.drows.data(), memory_width_);
}

template <class T>
void Attention<T>::gradient(Tape<T>& base, Levels levels, GradientTarget<T> target) const {
  if (units_ == 0) return;
  auto& tape = attention_tape(base);
  if (target.stride != 0) throw std::logic_error("Attention: a gradient per sequence, expected their sum");
  const Index first = tape.in->first_node(levels.begin), count = tape.in->first_node(levels.end) - first;
  const Index rows = tape.memory->num_rows();
  T* query = target.data;
  T* key = query + units_ * size_;
  T* bias = key + units_ * memory_width_;
  add_outer(products_, tape.dquery.data() + first * units_, units_, tape.x + first * tape.x_stride, tape.x_stride, count, units_,
            size_, query, size_, tape.scratch.data());
  for (Index j = 0; j < units_; ++j) bias[units_ + j] += tape.dscore[std::size_t(j)];
  std::fill(tape.dscore.begin(), tape.dscore.end(), T(0));
  if (levels.begin != 1) return;  // the keys have their cotangents when the first level has been walked back
  add_outer(products_, tape.dkeys.data(), units_, tape.memory->rows.data(), memory_width_, rows, units_, memory_width_, key,
            memory_width_, tape.scratch.data());
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < units_; ++j) bias[j] += tape.dkeys[std::size_t(i * units_ + j)];
}

#define RECURRA_INSTANTIATE(T)                                                     \
  template void Attention<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const;  \
  template void Attention<T>::clear_cotangents(Tape<T>&) const;                    \
  template void Attention<T>::backward(const Weights<T>&, Tape<T>&, Levels) const; \
  template void Attention<T>::gradient(Tape<T>&, Levels, GradientTarget<T>) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
