// Attention to the steps of an encoder: y_t = [x_t, c_t], where the context c_t = sum_s alpha_ts m_s is a mean of the encoder's
// outputs m_s with weights alpha_t = softmax_s(score(x_t, m_s)), and
//   dot       score(x, m) = x . m                                (M.-T. Luong et al., EMNLP 2015)
//   additive  score(x, m) = v . tanh(W_q x + W_k m + b)          (D. Bahdanau et al., ICLR 2015)
// Nothing to attend to gives a context of zeros. One seed; no tangents: rules that walk forward in time refuse it.
#pragma once

#include <memory>

#include "layer.h"
#include "memory.h"

namespace recurra {

template <class T>
class Attention final : public Layer<T> {
 public:
  // `units` of the additive score; 0: dot, for as many inputs as the memory is wide.
  Attention(const Kernels<T>& kernels, Index size, Index memory_width, Index units)
      : kernels_(kernels), products_(kernels.products), size_(size), memory_width_(memory_width), units_(units) {}
  Index input_size() const override { return size_; }
  Index output_size() const override { return size_ + memory_width_; }
  Domain domain() const override { return Domain::time; }
  bool needs_time() const override { return true; }
  std::vector<ParameterSpec> parameters() const override;
  Work work(bool gives_dx) const override;
  std::unique_ptr<Weights<T>> make_weights() const override;
  void refresh(const T* params, Weights<T>&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;

 private:
  // The steps of one reader in some levels.
  struct Query {
    Index sequence, source, first_level, count;
  };
  // Calls visit(query) for every reader with something to read.
  template <class Visit>
  void for_each_query(Tape<T>& tape, Levels levels, const Visit& visit) const {
    if (levels.begin == levels.end) return;  // nobody writes anything
    for (Index i = 0; i < tape.in->size(levels.begin); ++i) {
      const Index source = tape.memory->source[std::size_t(i)];
      const Index end = std::min(levels.end, tape.in->length(i) + 1);
      if (tape.memory->length[std::size_t(source)] > 0) visit(Query{i, source, levels.begin, end - levels.begin});
    }
  }
  void read_memory(const Weights<T>&, Tape<T>&) const;
  void score(const Weights<T>&, Tape<T>&, const Query&) const;
  void score_back(const Weights<T>&, Tape<T>&, const Query&, const T* dscore) const;
  // tanh(W_q x + W_k m + b) of one step and all of a source's rows.
  const T* match(Tape<T>&, Index node, Index source) const;

  const Kernels<T>& kernels_;
  const Products<T>& products_;
  Index size_, memory_width_, units_;
};

}  // namespace recurra
