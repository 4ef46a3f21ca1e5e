// Attention at rest and forwards.
#include "attention.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "attention_tape.h"

namespace recurra {

namespace {

template <class T>
void softmax(T* row, Index count) {
  const T largest = *std::max_element(row, row + count);
  T sum = 0;
  for (Index j = 0; j < count; ++j) sum += row[j] = std::exp(row[j] - largest);
  for (Index j = 0; j < count; ++j) row[j] /= sum;
}

}  // namespace

template <class T>
std::vector<ParameterSpec> Attention<T>::parameters() const {
  if (units_ == 0) return {};
  using Role = ParameterSpec::Role;
  const double query = 1 / std::sqrt(double(size_)), key = 1 / std::sqrt(double(memory_width_));
  return {{"weight_query", {units_, size_}, Role::input_weight, query},
          {"weight_key", {units_, memory_width_}, Role::input_weight, key},
          {"bias", {units_}, Role::bias, key},
          {"weight_score", {1, units_}, Role::input_weight, 1 / std::sqrt(double(units_))}};
}

// Scores and context for each pair of steps; W_q and W_k once for each step of their own. All of them have an x with a cotangent.
template <class T>
Work Attention<T>::work(bool) const {
  Work work;
  work.forward[Per::step] = double(units_) * double(size_);
  work.forward[Per::read] = double(units_) * double(memory_width_);
  work.forward[Per::match] = double(units_ > 0 ? units_ : size_) + double(memory_width_);
  for (std::size_t i = 0; i < num_per; ++i) work.training.by[i] = 3 * work.forward.by[i];
  return work;
}

template <class T>
std::unique_ptr<Weights<T>> Attention<T>::make_weights() const {
  return std::make_unique<AttentionWeights<T>>();
}

template <class T>
void Attention<T>::refresh(const T* params, Weights<T>& weights) const {
  if (units_ == 0) return;
  auto& w = static_cast<AttentionWeights<T>&>(weights);
  const auto pack = [&](PackedMatrix<T>& forward, PackedMatrix<T>& back, Index columns) {
    forward.pack_transposed(products_, params, units_, columns);
    back.pack_plain(products_, params, units_, columns);
    params += units_ * columns;
  };
  pack(w.query, w.query_back, size_);
  pack(w.key, w.key_back, memory_width_);
  w.bias.assign(params, params + units_);
  params += units_;
  w.v.assign(params, params + units_);
  w.score.pack_transposed(products_, params, 1, units_);
}

template <class T>
std::unique_ptr<Tape<T>> Attention<T>::make_tape() const {
  return std::make_unique<AttentionTape<T>>();
}

template <class T>
void Attention<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = attention_tape(base);
  if (tape.seeds != 1) throw std::logic_error("Attention: several cotangents per row, expected one");
  const Memory<T>& memory = *tape.memory;
  const Schedule& schedule = *tape.in;
  const Index nodes = schedule.num_nodes(), steps = schedule.num_levels();
  reserve_plain(tape, output_size(), backward);
  tape.alpha_first.assign(1, 0);
  for (Index i = 0; i < schedule.num_roots(); ++i)
    tape.alpha_first.push_back(tape.alpha_first.back() +
                               schedule.length(i) * memory.length[std::size_t(memory.source[std::size_t(i)])]);
  tape.alpha.resize(std::size_t(tape.alpha_first.back()));
  const Index longest = memory.length.empty() ? 0 : *std::max_element(memory.length.begin(), memory.length.end());
  tape.queries.resize(std::size_t(steps * size_));
  tape.context.resize(std::size_t(steps * memory_width_));
  tape.keys.resize(std::size_t(memory.num_rows() * units_));
  tape.query.resize(std::size_t(nodes * units_));
  tape.matched.resize(std::size_t(longest * units_));
  tape.sources.resize(memory.length.size());
  tape.version = 0;
  tape.packed = 0;
  for (const Index length : memory.length)
    tape.packed +=
        std::size_t(products_.packed_size(length, memory_width_) + products_.packed_size(memory_width_, length)) * sizeof(T);
  if (!backward) return;
  tape.dqueries.resize(tape.queries.size());
  tape.dalpha.resize(std::size_t(steps * longest));
  tape.dkeys.resize(tape.keys.size());
  tape.dquery.resize(tape.query.size());
  tape.dscore.resize(std::size_t(units_));
  const Index widest = std::max({longest, units_, size_, memory_width_});
  tape.scratch.resize(std::size_t(products_.outer_scratch(widest, std::max(size_, memory_width_))));
}

template <class T>
void Attention<T>::read_memory(const Weights<T>& weights, Tape<T>& base) const {
  auto& tape = attention_tape(base);
  const Memory<T>& memory = *tape.memory;
  if (tape.version == memory.version) return;
  tape.version = memory.version;
  for (std::size_t s = 0; s < memory.length.size(); ++s) {
    const T* rows = memory.rows.data() + memory.first[s] * memory_width_;
    tape.sources[s].plain.pack_plain(products_, rows, memory.length[s], memory_width_);
    tape.sources[s].transposed.pack_transposed(products_, rows, memory.length[s], memory_width_);
  }
  if (units_ == 0) return;
  const auto& w = attention_weights(weights);
  for (Index i = 0; i < memory.num_rows(); ++i) std::copy_n(w.bias.data(), units_, tape.keys.data() + i * units_);
  w.key.multiply(products_, memory.rows.data(), memory_width_, memory.num_rows(), tape.keys.data(), units_);
}

template <class T>
const T* Attention<T>::match(Tape<T>& base, Index node, Index source) const {
  auto& tape = attention_tape(base);
  const Index rows = tape.memory->length[std::size_t(source)];
  const T* keys = tape.keys.data() + tape.memory->first[std::size_t(source)] * units_;
  const T* query = tape.query.data() + node * units_;
  T* matched = tape.matched.data();
  for (Index s = 0; s < rows; ++s)
    for (Index j = 0; j < units_; ++j) matched[s * units_ + j] = query[j] + keys[s * units_ + j];
  kernels_.tanh.value(matched, rows * units_, matched);
  return matched;
}

// Scores go where their softmax will stand.
template <class T>
void Attention<T>::score(const Weights<T>& weights, Tape<T>& base, const Query& q) const {
  auto& tape = attention_tape(base);
  const Index rows = tape.memory->length[std::size_t(q.source)];
  T* alpha = tape.alpha.data() + tape.alpha_first[std::size_t(q.sequence)] + (q.first_level - 1) * rows;
  std::fill_n(alpha, q.count * rows, T(0));
  if (units_ == 0)
    return tape.sources[std::size_t(q.source)].transposed.multiply(products_, tape.queries.data(), size_, q.count, alpha, rows);
  for (Index t = 0; t < q.count; ++t) {
    const Index node = tape.in->first_node(q.first_level + t) + q.sequence;
    attention_weights(weights).score.multiply(products_, match(base, node, q.source), units_, rows, alpha + t * rows, 1);
  }
}

template <class T>
void Attention<T>::forward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  auto& tape = attention_tape(base);
  read_memory(weights, base);
  const Index first = tape.in->first_node(levels.begin), count = tape.in->first_node(levels.end) - first;
  for (Index i = first; i < first + count; ++i) {
    T* context = std::copy_n(tape.x + i * tape.x_stride, size_, tape.y + i * tape.y_stride);
    std::fill_n(context, memory_width_, T(0));
  }
  if (units_ > 0) {
    std::fill_n(tape.query.begin() + first * units_, count * units_, T(0));
    attention_weights(weights).query.multiply(products_, tape.x + first * tape.x_stride, tape.x_stride, count,
                                              tape.query.data() + first * units_, units_);
  }
  for_each_query(base, levels, [&](const Query& q) {
    const Index rows = tape.memory->length[std::size_t(q.source)];
    const auto node = [&](Index t) { return tape.in->first_node(q.first_level + t) + q.sequence; };
    for (Index t = 0; t < q.count; ++t) std::copy_n(tape.x + node(t) * tape.x_stride, size_, tape.queries.data() + t * size_);
    score(weights, base, q);
    T* alpha = tape.alpha.data() + tape.alpha_first[std::size_t(q.sequence)] + (q.first_level - 1) * rows;
    for (Index t = 0; t < q.count; ++t) softmax(alpha + t * rows, rows);
    std::fill_n(tape.context.begin(), q.count * memory_width_, T(0));
    tape.sources[std::size_t(q.source)].plain.multiply(products_, alpha, rows, q.count, tape.context.data(), memory_width_);
    for (Index t = 0; t < q.count; ++t)
      std::copy_n(tape.context.begin() + t * memory_width_, memory_width_, tape.y + node(t) * tape.y_stride + size_);
  });
}

#define RECURRA_INSTANTIATE(T)                                             \
  template std::vector<ParameterSpec> Attention<T>::parameters() const;    \
  template Work Attention<T>::work(bool) const;                            \
  template std::unique_ptr<Weights<T>> Attention<T>::make_weights() const; \
  template void Attention<T>::refresh(const T*, Weights<T>&) const;        \
  template std::unique_ptr<Tape<T>> Attention<T>::make_tape() const;       \
  template void Attention<T>::reserve(Tape<T>&, bool) const;               \
  template const T* Attention<T>::match(Tape<T>&, Index, Index) const;     \
  template void Attention<T>::forward(const Weights<T>&, Tape<T>&, Levels) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
