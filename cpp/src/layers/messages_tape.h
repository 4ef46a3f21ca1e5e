// What changes of a Messages layer.
#pragma once

#include "../topology/compiled_graphs.h"
#include "aligned_vector.h"
#include "messages.h"
#include "rows.h"

namespace recurra {

template <class T>
struct MessagesTape : WrapperTape<T> {
  const CompiledGraphs* graphs = nullptr;
  Schedule edge_rows, edge_rounds;                   // the edges, once and for each round
  std::vector<Index> end_begin, end_row, end_block;  // pairs: what an edge reads
  AlignedVector<T> features;                         // [edges][edge size]
  AlignedVector<T> weight;                           // [edges]: what is given, and one over the edges of the target for means
  AlignedVector<T> factor, dfactor;                  // [edges][terms], without attention; the cotangents of all rounds
  AlignedVector<T> scaled, dots;                     // [edges][terms]: the factors of a round, and their cotangents
  AlignedVector<T> joined, djoined;                  // pairs: [rounds][edges][hidden]
  AlignedVector<T> share;                            // attention: [rounds][edges]
  AlignedVector<T> score;                            // [rounds][edges], before the softmax
  std::vector<Index> winner;                         // max: [rounds][nodes][message size]
  std::vector<Index> edge_number;                    // for the noise of layers over edges
  std::size_t bytes() const override {
    return WrapperTape<T>::bytes() + bytes_of(end_begin, end_row, end_block, features, weight, factor, dfactor, scaled, dots) +
           bytes_of(joined, djoined, share, score, winner, edge_number);
  }

  Index num_edges() const { return graphs->edges.num_edges(); }
  Index num_nodes() const { return graphs->num_nodes(); }
};

}  // namespace recurra
