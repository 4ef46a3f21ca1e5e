#include "embedding.h"

#include <algorithm>

namespace recurra {

namespace {
template <class T>
struct EmbeddingWeights : Weights<T> {
  std::vector<T> copy;
  const T* table = nullptr;
  std::size_t bytes() const override { return bytes_of(copy); }
};
}  // namespace

template <class T>
std::unique_ptr<Weights<T>> Embedding<T>::make_weights() const {
  return std::make_unique<EmbeddingWeights<T>>();
}

template <class T>
void Embedding<T>::refresh(const T* params, Weights<T>& weights) const {
  auto& w = static_cast<EmbeddingWeights<T>&>(weights);
  if (!w.borrows) w.copy.assign(params, params + num_embeddings_ * size_);
  w.table = w.borrows ? params : w.copy.data();
}

template <class T>
void Embedding<T>::reserve(Tape<T>& tape, bool backward) const {
  reserve_plain(static_cast<PlainTape<T>&>(tape), size_, backward);
}

template <class T>
void Embedding<T>::forward(const Weights<T>& weights, Tape<T>& tape, Levels levels) const {
  const T* table = static_cast<const EmbeddingWeights<T>&>(weights).table;
  for (Index i = tape.in->first_node(levels.begin); i < tape.in->first_node(levels.end); ++i)
    std::copy_n(table + Index(tape.x[i * tape.x_stride]) * size_, size_, tape.y + i * tape.y_stride);
}

template <class T>
void Embedding<T>::tangent(const Weights<T>&, Tape<T>& tape, Levels levels) const {  // ids do not move
  const Index first = tape.in->first_node(levels.begin) * tape.seeds, end = tape.in->first_node(levels.end) * tape.seeds;
  std::fill(tape.dy + first * tape.dy_stride, tape.dy + end * tape.dy_stride, T(0));
}

template <class T>
void Embedding<T>::gradient(Tape<T>& tape, Levels levels, GradientTarget<T> target) const {
  for_each_target(*tape.in, tape.seeds, levels, target, [&](const NodeSlice& nodes, T* gradient) {
    for (Index i = 0; i < nodes.count; ++i) {
      T* row = gradient + Index(tape.x[(nodes.first + i * nodes.step) * tape.x_stride]) * size_;
      const T* dy = tape.dy + (nodes.cotangent() + i * nodes.cotangent_step()) * tape.dy_stride;
      for (Index j = 0; j < size_; ++j) row[j] += dy[j];
    }
  });
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace recurra
