// What changes of a cell layer: its matrices as the sweeps read them, and its activations and cotangents.
#pragma once

#include "cell_layout.h"
#include "packed_matrix.h"
#include "row_matrix.h"
#include "rows.h"

namespace recurra {

// The products of one GateMatrix. Forward multiplies by the transposes, backward by the matrices themselves.
template <class T>
struct PackedGates {
  struct Pair {
    PackedMatrix<T> forward, backward;
    std::size_t bytes() const { return forward.bytes() + backward.bytes(); }
  };
  std::vector<Pair> pairs;  // by product

  void pack(const Products<T>& products, const GateMatrix& matrix, const T* params, bool both = true) {
    pairs.resize(matrix.products.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const GateProduct& p = matrix.products[i];
      const T* rows = params + matrix.offset + p.row * matrix.columns;
      pairs[i].forward.pack_transposed(products, rows, p.width, p.depth);
      if (both) pairs[i].backward.pack_plain(products, rows, p.width, p.depth);
    }
  }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Pair& pair : pairs) sum += pair.bytes();
    return sum;
  }
  // to += the products of source
  void add(const Products<T>& products, const GateMatrix& matrix, Rows<const T> source, Index rows, Rows<T> to) const {
    for (std::size_t i = 0; i < pairs.size(); ++i)
      pairs[i].forward.multiply(products, source.data + matrix.products[i].source, source.stride, rows,
                                to.data + matrix.products[i].column, to.stride);
  }
  // to = start (a row for all rows; null: zeros) + the products of source, each of which has columns of its own: not over trees.
  void set(const Products<T>& products, const GateMatrix& matrix, const T* start, Rows<const T> source, Index rows,
           Rows<T> to) const {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const GateProduct& p = matrix.products[i];
      pairs[i].forward.multiply_from(products, start ? start + p.column : nullptr, source.data + p.source, source.stride, rows,
                                     to.data + p.column, to.stride);
    }
  }
  // dsource += the transposed products of d
  void add_back(const Products<T>& products, const GateMatrix& matrix, Rows<const T> d, Index rows, Rows<T> dsource) const {
    for (std::size_t i = 0; i < pairs.size(); ++i)
      pairs[i].backward.multiply(products, d.data + matrix.products[i].column, d.stride, rows,
                                 dsource.data + matrix.products[i].source, dsource.stride);
  }
};

// A step of one row in one kernel (CellStep): its weights, and the states in blocks of whole registers, of the last step and of
// this one in turn.
template <class T>
struct RowStates {
  Index padded = 0;  // of a block
  AlignedVector<T> of[2];
  int last = 0;
  bool current = false;  // else the tape's roots are
  std::size_t bytes() const { return bytes_of(of[0], of[1]); }
};

// The products of a step of one row, in the order of the cell's segments: W x and R times the fed states, messages, new states.
template <class T>
struct StepWeights {
  RowMatrix<T> fed, message, state, projection;
  std::vector<T> nothing;  // what a projection starts from
  AlignedVector<T> all;    // for the one kernel; a block of steps takes the others
  std::size_t bytes() const {
    return fed.bytes() + message.bytes() + state.bytes() + projection.bytes() + bytes_of(nothing, all);
  }
};

template <class T>
struct CellWeights : Weights<T> {
  std::size_t bytes() const override {  // all that follows
    return input.bytes() + feed.bytes() + message.bytes() + state.bytes() + node_feed.bytes() + edge_feed.bytes() +
           projection.bytes() + tensor.bytes() + step.bytes() +
           bytes_of(bias_row, unit, input_gain, recurrent_gain, state_gain, state_shift);
  }
  PackedGates<T> input, feed, message, state;
  PackedGates<T> node_feed, edge_feed;  // over trees, instead of feed
  typename PackedGates<T>::Pair projection, tensor;
  StepWeights<T> step;                        // in a stream of one row
  std::vector<T> bias_row;                    // of all gates; zero where a gate has none
  std::vector<T> unit;                        // per-unit parameters, constants last
  std::vector<T> input_gain, recurrent_gain;  // of all gates, with layer normalisation
  std::vector<T> state_gain, state_shift;     // of the normalised states
};

// What was normalised, and at which rates, by node.
template <class T>
struct NormTape {
  AlignedVector<T> value, rate;
  Index width = 0;  // of the values of a node
  // The cotangents, times seeds: of products before they were normalised, of states after it. They are in own_d or, where levels
  // go back once, in the values' place. Then what the values gave to the gains' gradient since it was last taken is in dgain.
  T* d = nullptr;
  AlignedVector<T> own_d;
  std::vector<T> dgain;
  std::size_t bytes() const { return bytes_of(value, rate, own_d, dgain); }
  bool gave_way() const { return !dgain.empty(); }

  void reserve(Index nodes, Index blocks, Index units, Index seeds, bool backward, bool in_place) {
    width = blocks * units;
    value.resize(std::size_t(nodes * width));
    rate.resize(std::size_t(nodes * blocks));
    in_place = in_place && backward;
    own_d.resize(std::size_t(in_place || !backward ? 0 : nodes * seeds * width));
    d = in_place ? value.data() : backward ? own_d.data() : nullptr;
    dgain.assign(std::size_t(in_place ? width : 0), T(0));
  }
};

template <class T>
struct CellTape : Tape<T> {
  std::size_t bytes() const override {  // all that follows
    return bytes_of(a, message, state, own_da, dmessage, dstate, edge_a, dedge_a, source, dsource, fed, dfed, leaf_a, leaf_da) +
           bytes_of(tensor, dtensor, gathered, scratch, raw, draw, keep, projected, dprojected, mask, masked, dmasked) +
           bytes_of(seen, dseen) + row.bytes() + input_norm.bytes() + recurrent_norm.bytes() + state_norm.bytes();
  }
  AlignedVector<T> a, message, state;  // [nodes] gates (before their functions: pre-activations) and messages, [rows] states
  AlignedVector<T> dmessage, dstate;   // the same, times seeds
  T* da = nullptr;                     // of a, times seeds, and of the per-unit parameters; null: nobody goes back. In a
  AlignedVector<T> own_da;             // place of its own, or in a, where each level's gates lay before the level went back
  AlignedVector<T> edge_a, dedge_a;    // trees: the edge gates of each edge
  AlignedVector<T> source, dsource;    // trees: what nodes read from; all leaves from row 0
  AlignedVector<T> fed, dfed;          // trees: what R gives to edge gates, by row of states (summed) or sources (by slot)
  AlignedVector<T> leaf_a, leaf_da;    // trees: what all leaves' pre-activations share, and its cotangent
  AlignedVector<T> tensor, dtensor;    // bilinear: [sources][columns][source width] V u, and d u
  std::vector<T> gathered, scratch;    // for the weight gradient

  AlignedVector<T> raw, draw;              // zoneout: [nodes] new states before it
  AlignedVector<T> keep;                   // zoneout: [nodes][zoned states] how much of the parent's state stays
  AlignedVector<T> projected, dprojected;  // projection: [rows]
  AlignedVector<T> mask;                   // variational dropout: [roots][feed width]
  AlignedVector<T> masked, dmasked;        // and what is fed: [rows][feed width]
  RowStates<T> row;                        // of a stream of one row
  NormTape<T> input_norm, recurrent_norm;  // layer normalisation of products, [nodes][gates], and
  NormTape<T> state_norm;                  // of states, [nodes][normalised states];
  AlignedVector<T> seen, dseen;            // the states that out sees instead, of one level
};

}  // namespace recurra
