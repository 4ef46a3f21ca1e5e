// The cross entropy of a wide Linear: of all classes, some rows at a time, so that the scores of a chunk are all that is kept; or
// of samples, whose rows of W are gathered, and whose gradient is scattered.
#include <algorithm>
#include <cmath>

#include "linear.h"
#include "log_softmax.h"

namespace recurra {

namespace {

template <class T>
struct LinearScratch final : ClassScratch<T> {
  std::vector<T> scores, outer;
  std::vector<T> sampled, gradient;  // rows of W and b, and their gradients
  PackedMatrix<T> forward, backward;
  std::size_t bytes() const override { return bytes_of(scores, outer, sampled, gradient) + forward.bytes() + backward.bytes(); }
};

// As many as one block of a product reads at once; more would make the scores larger and nothing faster.
constexpr Index chunk_rows = 96;

// The loss of samples and the wanted class, whose score comes last; scores to their cotangents. A sample that is the wanted class
// does not count.
template <class T>
double sampled_loss_row(const Reductions<T>& reductions, T* scores, const ClassSamples& samples, std::int64_t wanted,
                        double scale) {
  const Index count = Index(samples.classes.size());
  for (Index j = 0; j < count; ++j) scores[j] += T(samples.log_weights[std::size_t(j)]);
  const auto hit = std::ranges::lower_bound(samples.classes, wanted);
  const Index same = hit != samples.classes.end() && *hit == wanted ? hit - samples.classes.begin() : -1;
  if (same >= 0) scores[same] = scores[count];
  const double score = double(scores[count]);
  auto [largest, sum] = reductions.exponentials(scores, count + 1, scores);
  if (same >= 0) {
    sum -= double(scores[same]);
    scores[same] = T(0);
  }
  const T factor = T(scale / sum);
  for (Index j = 0; j <= count; ++j) scores[j] *= factor;
  scores[count] -= T(scale);
  return scale * (std::log(sum) + (double(largest) - score));
}

template <class T>
T dot(const T* a, const T* b, Index size) {
  constexpr Index lanes = 16;  // independent sums: the loop runs in registers, in a fixed order
  T sums[lanes] = {}, sum = 0;
  Index j = 0;
  for (; j + lanes <= size; j += lanes)
    for (Index k = 0; k < lanes; ++k) sums[k] += a[j + k] * b[j + k];
  for (; j < size; ++j) sum += a[j] * b[j];
  for (const T value : sums) sum += value;
  return sum;
}

template <class T>
void add_scaled(T factor, const T* x, Index size, T* y) {
  for (Index j = 0; j < size; ++j) y[j] += factor * x[j];
}

}  // namespace

template <class T>
bool Linear<T>::pays(Index rows) const {
  constexpr Index large = 1 << 24;  // bytes of scores, and as many of their cotangents
  return output_size_ >= 2 * block_rows && rows > chunk_rows && rows * output_size_ * Index(sizeof(T)) > large;
}

template <class T>
std::unique_ptr<ClassScratch<T>> Linear<T>::make_class_scratch() const {
  return std::make_unique<LinearScratch<T>>();
}

template <class T>
double Linear<T>::class_loss(const Weights<T>& weights, ClassScratch<T>& scratch, const ClassRows<T>& rows, T* gradient) const {
  const auto& w = static_cast<const LinearWeights<T>&>(weights);
  return rows.samples ? sampled_loss(w, scratch, rows, gradient) : full_loss(w, scratch, rows, gradient);
}

template <class T>
double Linear<T>::full_loss(const LinearWeights<T>& w, ClassScratch<T>& base, const ClassRows<T>& rows, T* gradient) const {
  auto& scratch = static_cast<LinearScratch<T>&>(base);
  scratch.scores.resize(std::size_t(std::min(rows.count, chunk_rows) * output_size_));
  if (gradient) scratch.outer.resize(std::size_t(outer_scratch()));
  T* const scores = scratch.scores.data();
  double loss = 0;
  for (Index first = 0; first < rows.count; first += chunk_rows) {
    const Index count = std::min(chunk_rows, rows.count - first);
    const T* x = rows.x + first * rows.x_stride;
    multiply(w, w.bias.data(), x, rows.x_stride, count, scores, output_size_);
    for (Index i = 0; i < count; ++i)
      loss += softmax_loss(reductions_, scores + i * output_size_, output_size_, Index(rows.classes[first + i]),
                           rows.scales[first + i], gradient != nullptr);
    if (!gradient) continue;
    if (rows.dx) multiply_back(w, scores, output_size_, count, rows.dx + first * rows.dx_stride, rows.dx_stride);
    add_gradient(scores, output_size_, x, rows.x_stride, count, gradient, scratch.outer.data());
  }
  return loss;
}

template <class T>
double Linear<T>::sampled_loss(const LinearWeights<T>& w, ClassScratch<T>& base, const ClassRows<T>& rows, T* gradient) const {
  auto& scratch = static_cast<LinearScratch<T>&>(base);
  const ClassSamples& samples = *rows.samples;
  const Index count = Index(samples.classes.size()), width = count + 1, size = input_size_;
  const T* const bias = bias_ ? w.params + output_size_ * size : nullptr;
  T* const dbias = bias_ && gradient ? gradient + output_size_ * size : nullptr;
  // The samples' rows of W, and behind them those of b.
  scratch.sampled.assign(std::size_t(count * (size + 1)), T(0));
  T* const sampled = scratch.sampled.data();
  for (Index j = 0; j < count; ++j) {
    const std::int64_t id = samples.classes[std::size_t(j)];
    std::copy_n(w.params + id * size, size, sampled + j * size);
    if (bias) sampled[count * size + j] = bias[id];
  }
  scratch.forward.pack_transposed(products_, sampled, count, size);
  scratch.backward.pack_plain(products_, sampled, count, size);
  scratch.scores.resize(std::size_t(std::min(rows.count, chunk_rows) * width));
  scratch.gradient.assign(gradient ? std::size_t(count * (size + 1)) : 0, T(0));
  scratch.outer.resize(std::size_t(products_.outer_scratch(count, size)));
  double loss = 0;
  for (Index first = 0; first < rows.count; first += chunk_rows) {
    const Index chunk = std::min(chunk_rows, rows.count - first);
    const T* x = rows.x + first * rows.x_stride;
    T* const scores = scratch.scores.data();
    scratch.forward.multiply_from(products_, sampled + count * size, x, rows.x_stride, chunk, scores, width);
    for (Index i = 0; i < chunk; ++i) {
      const std::int64_t id = rows.classes[first + i];
      const T* const xi = x + i * rows.x_stride;
      T* const row = scores + i * width;
      if (rows.scales[first + i] == 0) {  // it has no class that could learn
        std::fill_n(row, width, T(0));
        continue;
      }
      row[count] = dot(w.params + id * size, xi, size) + (bias ? bias[id] : T(0));
      loss += sampled_loss_row(reductions_, row, samples, id, rows.scales[first + i]);
      const T own = row[count];
      if (rows.dx) add_scaled(own, w.params + id * size, size, rows.dx + (first + i) * rows.dx_stride);
      if (gradient) add_scaled(own, xi, size, gradient + id * size);
      if (dbias) dbias[id] += own;
    }
    if (rows.dx) scratch.backward.multiply(products_, scores, width, chunk, rows.dx + first * rows.dx_stride, rows.dx_stride);
    if (!gradient) continue;
    T* const sum = scratch.gradient.data();
    add_outer(products_, scores, width, x, rows.x_stride, chunk, count, size, sum, size, scratch.outer.data());
    reductions_.combine(nullptr, chunk, scores, width, count, sum + count * size);
  }
  for (Index j = 0; gradient && j < count; ++j) {
    const std::int64_t id = samples.classes[std::size_t(j)];
    add_scaled(T(1), scratch.gradient.data() + j * size, size, gradient + id * size);
    if (dbias) dbias[id] += scratch.gradient[std::size_t(count * size + j)];
  }
  return loss;
}

#define RECURRA_INSTANTIATE(T)                                                                                    \
  template bool Linear<T>::pays(Index) const;                                                                     \
  template std::unique_ptr<ClassScratch<T>> Linear<T>::make_class_scratch() const;                                \
  template double Linear<T>::class_loss(const Weights<T>&, ClassScratch<T>&, const ClassRows<T>&, T*) const;      \
  template double Linear<T>::full_loss(const LinearWeights<T>&, ClassScratch<T>&, const ClassRows<T>&, T*) const; \
  template double Linear<T>::sampled_loss(const LinearWeights<T>&, ClassScratch<T>&, const ClassRows<T>&, T*) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
