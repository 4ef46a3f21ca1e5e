#include "attention.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace recurra {

namespace {

template <class T>
struct AttentionWeights : Weights<T> {
  PackedMatrix<T> query, query_back, key, key_back, score;
  std::vector<T> bias, v;
};

template <class T>
struct AttentionTape : PlainTape<T> {
  struct Rows {  // of one source: forward and transposed
    PackedMatrix<T> plain, transposed;
  };
  std::vector<Rows> sources;
  std::uint64_t version = 0;       // of the memory they were packed from
  std::vector<T> keys, dkeys;      // additive: W_k m + b, [memory rows][units]
  std::vector<T> query, dquery;    // additive: W_q x, [nodes][units]
  std::vector<T> alpha;            // [sequences][steps][its source's rows]
  std::vector<Index> alpha_first;  // by sequence
  std::vector<T> dscore;           // additive: the cotangent of v, of the levels since the last gradient
  AlignedVector<T> queries, dqueries, context, dalpha, matched;  // of the reader at work, step by step
};

template <class T>
AttentionTape<T>& of(Tape<T>& tape) {
  return static_cast<AttentionTape<T>&>(tape);
}
template <class T>
const AttentionWeights<T>& of(const Weights<T>& weights) {
  return static_cast<const AttentionWeights<T>&>(weights);
}

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
  auto& tape = of(base);
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
template <class Visit>
void Attention<T>::for_each_query(Tape<T>& tape, Levels levels, const Visit& visit) const {
  for (Index i = 0; i < tape.in->size(levels.begin); ++i) {
    const Index source = tape.memory->source[std::size_t(i)];
    const Index end = std::min(levels.end, tape.in->length(i) + 1);
    if (tape.memory->length[std::size_t(source)] > 0) visit(Query{i, source, levels.begin, end - levels.begin});
  }
}

template <class T>
void Attention<T>::read_memory(const Weights<T>& weights, Tape<T>& base) const {
  auto& tape = of(base);
  const Memory<T>& memory = *tape.memory;
  if (tape.version == memory.version) return;
  tape.version = memory.version;
  for (std::size_t s = 0; s < memory.length.size(); ++s) {
    const T* rows = memory.rows.data() + memory.first[s] * memory_width_;
    tape.sources[s].plain.pack_plain(products_, rows, memory.length[s], memory_width_);
    tape.sources[s].transposed.pack_transposed(products_, rows, memory.length[s], memory_width_);
  }
  if (units_ == 0) return;
  const auto& w = of(weights);
  for (Index i = 0; i < memory.num_rows(); ++i) std::copy_n(w.bias.data(), units_, tape.keys.data() + i * units_);
  w.key.multiply(products_, memory.rows.data(), memory_width_, memory.num_rows(), tape.keys.data(), units_);
}

template <class T>
const T* Attention<T>::match(Tape<T>& base, Index node, Index source) const {
  auto& tape = of(base);
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
  auto& tape = of(base);
  const Index rows = tape.memory->length[std::size_t(q.source)];
  T* alpha = tape.alpha.data() + tape.alpha_first[std::size_t(q.sequence)] + (q.first_level - 1) * rows;
  std::fill_n(alpha, q.count * rows, T(0));
  if (units_ == 0)
    return tape.sources[std::size_t(q.source)].transposed.multiply(products_, tape.queries.data(), size_, q.count, alpha, rows);
  for (Index t = 0; t < q.count; ++t) {
    const Index node = tape.in->first_node(q.first_level + t) + q.sequence;
    of(weights).score.multiply(products_, match(base, node, q.source), units_, rows, alpha + t * rows, 1);
  }
}

template <class T>
void Attention<T>::forward(const Weights<T>& weights, Tape<T>& base, Levels levels) const {
  auto& tape = of(base);
  read_memory(weights, base);
  const Index first = tape.in->first_node(levels.begin), count = tape.in->first_node(levels.end) - first;
  for (Index i = first; i < first + count; ++i) {
    T* context = std::copy_n(tape.x + i * tape.x_stride, size_, tape.y + i * tape.y_stride);
    std::fill_n(context, memory_width_, T(0));
  }
  if (units_ > 0) {
    std::fill_n(tape.query.begin() + first * units_, count * units_, T(0));
    of(weights).query.multiply(products_, tape.x + first * tape.x_stride, tape.x_stride, count,
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

template <class T>
void Attention<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const {
  throw std::invalid_argument("Attention: it needs all steps of its source, expected a network that goes forward step by step");
}

template <class T>
void Attention<T>::clear_cotangents(Tape<T>& base) const {
  auto& tape = of(base);
  clear_plain(base);
  std::fill(tape.dkeys.begin(), tape.dkeys.end(), T(0));
  std::fill(tape.dquery.begin(), tape.dquery.end(), T(0));
  std::fill(tape.dscore.begin(), tape.dscore.end(), T(0));
}

template <class T>
void Attention<T>::score_back(const Weights<T>& weights, Tape<T>& base, const Query& q, const T* dscore) const {
  auto& tape = of(base);
  Memory<T>& memory = *tape.memory;
  const Index rows = memory.length[std::size_t(q.source)], first = memory.first[std::size_t(q.source)];
  if (units_ == 0) {
    std::fill_n(tape.dqueries.begin(), q.count * size_, T(0));
    tape.sources[std::size_t(q.source)].plain.multiply(products_, dscore, rows, q.count, tape.dqueries.data(), size_);
    products_.outer(dscore, rows, tape.queries.data(), size_, q.count, rows, size_, memory.drows.data() + first * memory_width_,
                    memory_width_, tape.scratch.data());
    return;
  }
  const T* v = of(weights).v.data();
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
  auto& tape = of(base);
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
    products_.outer(alpha, rows, tape.context.data(), memory_width_, q.count, rows, memory_width_,
                    memory.drows.data() + memory.first[std::size_t(q.source)] * memory_width_, memory_width_,
                    tape.scratch.data());
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
  const auto& w = of(weights);
  if (tape.dx)
    w.query_back.multiply(products_, tape.dquery.data() + first * units_, units_, end - first, tape.dx + first * tape.dx_stride,
                          tape.dx_stride);
  if (levels.begin == 1)
    w.key_back.multiply(products_, tape.dkeys.data(), units_, memory.num_rows(), memory.drows.data(), memory_width_);
}

template <class T>
void Attention<T>::gradient(Tape<T>& base, Levels levels, GradientTarget<T> target) const {
  if (units_ == 0) return;
  auto& tape = of(base);
  if (target.stride != 0) throw std::logic_error("Attention: a gradient per sequence, expected their sum");
  const Index first = tape.in->first_node(levels.begin), count = tape.in->first_node(levels.end) - first;
  const Index rows = tape.memory->num_rows();
  T* query = target.data;
  T* key = query + units_ * size_;
  T* bias = key + units_ * memory_width_;
  products_.outer(tape.dquery.data() + first * units_, units_, tape.x + first * tape.x_stride, tape.x_stride, count, units_,
                  size_, query, size_, tape.scratch.data());
  for (Index j = 0; j < units_; ++j) bias[units_ + j] += tape.dscore[std::size_t(j)];
  std::fill(tape.dscore.begin(), tape.dscore.end(), T(0));
  if (levels.begin != 1) return;  // the keys have their cotangents when the first level has been walked back
  products_.outer(tape.dkeys.data(), units_, tape.memory->rows.data(), memory_width_, rows, units_, memory_width_, key,
                  memory_width_, tape.scratch.data());
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < units_; ++j) bias[j] += tape.dkeys[std::size_t(i * units_ + j)];
}

template class Attention<float>;
template class Attention<double>;

}  // namespace recurra
