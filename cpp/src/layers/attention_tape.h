// What changes of an attention layer: its matrices as the sweeps read them, and its activations and cotangents.
#pragma once

#include "layer.h"
#include "memory.h"

namespace recurra {

template <class T>
struct AttentionWeights : Weights<T> {
  PackedMatrix<T> query, query_back, key, key_back, score;
  std::vector<T> bias, v;
  std::size_t bytes() const override {
    return query.bytes() + query_back.bytes() + key.bytes() + key_back.bytes() + score.bytes() + bytes_of(bias, v);
  }
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
  std::size_t packed = 0;                                        // the bytes that `sources` will take
  std::size_t bytes() const override {
    return PlainTape<T>::bytes() + packed + bytes_of(keys, dkeys, query, dquery, alpha, alpha_first, dscore) +
           bytes_of(queries, dqueries, context, dalpha, matched);
  }
};

template <class T>
AttentionTape<T>& attention_tape(Tape<T>& tape) {
  return static_cast<AttentionTape<T>&>(tape);
}
template <class T>
const AttentionWeights<T>& attention_weights(const Weights<T>& weights) {
  return static_cast<const AttentionWeights<T>&>(weights);
}

}  // namespace recurra
