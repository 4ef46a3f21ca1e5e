// What changes of an adaptive softmax: its matrices as the sweeps read them, and its activations and cotangents.
#pragma once

#include "adaptive_softmax.h"
#include "packed_matrix.h"
#include "row_matrix.h"

namespace recurra {

// A matrix M without a bias: M x, and back.
template <class T>
struct ScoreMatrix {
  PackedMatrix<T> forward, backward;
  RowMatrix<T> row;  // in a stream of one row
  std::size_t bytes() const { return forward.bytes() + backward.bytes() + row.bytes(); }
};

template <class T>
struct AdaptiveSoftmaxWeights : Weights<T> {
  struct Cluster {
    ScoreMatrix<T> projection, scores;
  };
  ScoreMatrix<T> head;
  std::vector<Cluster> clusters;
  std::size_t bytes() const override {
    std::size_t sum = head.bytes() + bytes_of(clusters);
    for (const Cluster& cluster : clusters) sum += cluster.projection.bytes() + cluster.scores.bytes();
    return sum;
  }
};

template <class T>
struct AdaptiveSoftmaxTape : PlainTape<T> {
  std::vector<T> clusters;         // log-probabilities, [nodes][clusters]
  std::vector<T> hidden, dhidden;  // P x of all clusters, [nodes][hidden]
  std::vector<T> dscores;          // the head's, then the clusters' classes, [nodes * seeds][head + classes - shortlist]
  std::vector<T> row;              // room for the exponentials of a row
  std::size_t bytes() const override { return PlainTape<T>::bytes() + bytes_of(clusters, hidden, dhidden, dscores, row); }
};

}  // namespace recurra
