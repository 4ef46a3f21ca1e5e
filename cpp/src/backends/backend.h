// A backend is a table of functions over plain structs; baseline, avx2 and avx512 are values of this one type.
// Only raw pointers cross this border.
#pragma once

#include <cstdint>

#include "../cells/cell.h"

namespace recurra {

inline constexpr int max_gates = 16, max_params = 32, max_cells = 64;

// Operations of one unit (math/count.h): of `edge`, once per parent, and of node and out, with the functions of their gates; and
// of the way back through each.
struct CellOperations {
  int edge, node, edge_back, node_back;
};

// What the library needs to know of a cell besides its functions. Gates, states, messages in the cell's own order.
struct CellInfo {
  const char *name, *state_names, *param_names, *gate_names;
  int num_states, num_messages, num_gates, num_params, num_constants, feeds, outputs, max_parents, forget_gate;
  Gate gates[max_gates];
  std::uint64_t carried;                              // bit s: state s is fed, or `edge` reads it of a parent
  std::uint64_t read_by_edge;                         // of these, what `edge` reads
  std::uint64_t read_by_out;                          // the new states that `out` reads
  std::uint64_t written_by_out;                       // the states that `out` writes
  std::uint64_t bound_states;                         // what zoneout does not hold back, and is not learned
  double most_constant;                               // 0 < constant <= this
  void (*initial)(const double* uniform, double* u);  // draws one unit's parameters; null: as weights are drawn
  CellOperations operations;
};

// Rows of one level as the pointwise kernels see them: row r of an array is at pointer + r * stride, and its blocks
// (gates, states, messages, parameters) are `units` long each.
template <class T>
struct CellRows {
  Index rows, units;
  const T* params;  // [num_params][units]
  T* a;             // [rows][num_gates][units] pre-activations, which forward replaces by the gates
  bool keep_gates;  // if somebody wants them: to go back, or to look at them
  Index a_stride;
  T* message;  // [rows][num_messages][units]; used where a product stands between edge and node
  Index message_stride;
  T* state;  // [rows][num_states][units]
  Index state_stride;
  const T* parent;  // states of the parents; row r's only parent is row r, unless edge_begin is given
  Index parent_stride;
  const Index* edge_begin;  // null, or the edges of row r are edge_begin[r] .. edge_begin[r + 1] - 1,
  const Index* parent_row;  // the parent of edge e is row parent_row[e],
  T* edge_a;                // and its edge gates, in their order, are row e of edge_a: [edges][edge gates][units]
  Index edge_a_stride;
};

// The cotangents that belong to them; each row has `seeds` of them, one after the other: cotangent row r * seeds + k.
// A JVP uses the same arrays for tangents: those of a and parent go in, those of the states come out.
template <class T>
struct CellCotangents {
  Index seeds;
  T* state;  // in: d loss / d state; out: the same before `out` (used where a product follows)
  Index state_stride;
  T* a;  // out: [num_gates + num_params][units]: d a, then d u; may be the gates' own place, which are read before
  Index a_stride;
  T* message;  // in and out, where a product stands between edge and node
  Index message_stride;
  T* parent;  // added to: what the parents' states receive past the products
  Index parent_stride;
  T* edge_a;  // out, with several parents: [edges * seeds][edge gates][units]
  Index edge_a_stride;
};

// A cell's functions between its products. Segment 0 starts at edge; a new one starts at node if some gate multiplies a
// message, and at out if some gate multiplies a new state. All are null beyond the last segment. jvp is for chains.
template <class T>
struct CellKernels {
  void (*forward[3])(const CellRows<T>&);
  void (*vjp[3])(const CellRows<T>&, const CellCotangents<T>&);
  void (*jvp[3])(const CellRows<T>&, const CellCotangents<T>&);
};

// How a product goes through its matrix: one that the caches keep, or a larger one, whose next columns are fetched meanwhile,
// from its first column to its last or the other way.
enum class Reading { near, forwards, backwards };

// Products on a matrix that was packed once. B is depth x width.
template <class T>
struct Products {
  // How many elements pack() writes.
  Index (*packed_size)(Index depth, Index width);
  // B[k][n] = source[k * depth_stride + n * width_stride]
  void (*pack)(const T* source, Index depth_stride, Index width_stride, Index depth, Index width, T* packed);
  // C[rows][width] = base + A[rows][depth] B; base may be C, or a row for all (base_stride 0); null: zeros.
  void (*multiply)(const T* a, Index a_stride, Index rows, const T* packed, Index depth, Index width, const T* base,
                   Index base_stride, T* c, Index c_stride, Reading reading);
  // C[m][n] += A[rows][m]^T B[rows][n], in a fixed order of summation; scratch has outer_scratch(m, n) elements.
  void (*outer)(const T* a, Index a_stride, const T* b, Index b_stride, Index rows, Index m, Index n, T* c, Index c_stride,
                T* scratch);
  Index (*outer_scratch)(Index m, Index n);
};

// The product of one row on weights packed for one pass: y = start + x W + source R. Columns `column` .. of y see all of x, or
// nothing, and source[source .. source + depth).
struct RowStrip {
  Index column;
  int panels, last;  // registers of columns, and how many columns the last one has
  Index input, source, depth;
  Index weights, scale;  // where its weights and its columns' scales begin
};
template <class T>
struct RowWeights {
  const void* weights;
  const T *input_scale, *source_scale;  // of the columns of all strips, whole registers each
};
template <class T>
struct RowFormat {
  std::size_t element_size;
  int together;  // weights of successive k in one element of a lane
  // B[k][n] = rows[n * row_stride + k], from element `at` of the weights on. Returns how many elements it wrote.
  Index (*pack)(const T* rows, Index row_stride, Index columns, Index depth, int panels, const T* scale, void* weights, Index at);
  // Without x (null), its part of the weights is left out. start and y may be the same.
  void (*multiply)(const RowWeights<T>&, const RowStrip* strips, Index count, const T* x, const T* source, const T* start, T* y);
};
template <class T>
struct RowProducts {
  int lanes, strip_panels;            // of a register; of a strip, at most
  RowFormat<T> full, bfloat16, int8;  // the narrow ones for float alone; int8 has a scale for each column
};

// Of some numbers: the largest one, and the sum of exp(x - largest).
template <class T>
struct ExpSum {
  T largest;
  double sum;
};

// Of what is read once, as it lies.
template <class T>
struct Reductions {
  // y[width] += sum over the rows of v[row] a[row][..], in a fixed order; v null: ones
  void (*combine)(const T* v, Index rows, const T* a, Index a_stride, Index width, T* y);
  // y[width] += sum over the rows of a[row][..] b[row][..], in a fixed order
  void (*correlate)(Index rows, const T* a, Index a_stride, const T* b, Index b_stride, Index width, T* y);
  // The largest magnitude; NaN if some value is not finite.
  T (*largest)(const T* x, Index count);
  // e = exp(x - the largest of x); e may be x, or null: the sum alone is wanted. If some x is NaN, so is the sum.
  ExpSum<T> (*exponentials)(const T* x, Index count, T* e);
  // The sum of (y - target)^2, and d = factor (y - target), unless d is null.
  double (*squares)(const T* y, const T* target, Index count, T factor, T* d);
};

// Traces of parameters that belong to one unit each: for each of some states of the unit, how it would be, had the parameter been
// a little different. What belongs to a unit stands in vectors over the rows, `stride` apart.
template <class T>
struct TraceRows {
  Index rows, columns;  // parameters, of one unit per row
  int states;
  T* trace;  // [states], trace_stride apart: [rows][columns]
  Index trace_stride;
  const T* z;     // [columns]: what the parameters of a row multiply; null: 1
  const T* keep;  // [states][states]: how a trace (second index) goes on in one (first index)
  Index keep_stride;
  const T* enter;  // [states]: how a state depends on the product with z; null: not at all
  Index enter_stride;
  T* gradient;       // [rows][columns], added to; null: not wanted
  const T* carried;  // [states]: the cotangents that go with the traces,
  Index carried_stride;
  const T* direct;  // and with z; null: none
};
inline constexpr int max_traces = 16;  // states per unit
template <class T>
struct Traces {
  // gradient += direct z + sum carried trace;  trace <- keep trace + enter z. Returns the largest magnitude of a trace; NaN if
  // some trace is not finite.
  T (*advance)(const TraceRows<T>&);
};

// Layer normalisation of blocks of units (gates, states) in rows: n = (x - mean x) / sqrt(var x + epsilon), each block by
// itself, with the biased variance. J. L. Ba et al., Layer normalization, 2016.
template <class T>
struct NormRows {
  Index rows, blocks, units;
  T* n;  // [rows][blocks][units]
  Index n_stride;
  T* rate;  // [rows][blocks]: 1 / sqrt(var x + epsilon)
  Index rate_stride;
  const T* gain;  // [blocks][units]
};
// Vectors that the Jacobian of n, which is symmetric, is multiplied by: J v = rate (v - mean v - n mean(v n)).
template <class T>
struct NormVectors {
  Index seeds;  // rows of v per row of n
  const T* v;
  Index v_stride;
  bool gained;  // v is first multiplied by the gain
  T* out;       // may be v; with one seed, n
  Index out_stride;
  bool added;  // to out, instead of written
  T* dgain;    // [blocks][units] += sum over the rows of v n; null: not wanted
};
template <class T>
struct Normalization {
  static constexpr double epsilon = 1e-5;
  // x -> n, which may stand in its place, and y = base + gain n; base may be y, or one row for all (base_stride 0).
  void (*forward)(const NormRows<T>&, const T* x, Index x_stride, const T* base, Index base_stride, T* y, Index y_stride);
  void (*jacobian)(const NormRows<T>&, const NormVectors<T>&);
};

// The edges of a graph by the node that they lead to, and what each brings: `count` terms, a factor times a block of `width`
// columns of the row that it comes from.
template <class T>
struct EdgeTerms {
  Index targets;
  const Index* edge_begin;  // the edges of target r are edge_begin[r] .. edge_begin[r + 1] - 1
  const Index* source;      // by edge: the row that it comes from; null: a row of its own, by its number
  Index count, width;
  const Index* block;  // [edges][count]; null: 0, 1, ..
  const T* factor;     // [edges][count]; null: 1
};
// In the order of the edges.
template <class T>
struct Gathers {
  // y[target] += the terms of its edges; dx += what goes back; dfactor[edge][term] += its block of x times dy[target].
  void (*sum)(const EdgeTerms<T>&, const T* x, Index x_stride, T* y, Index y_stride);
  void (*sum_back)(const EdgeTerms<T>&, const T* dy, Index dy_stride, T* dx, Index dx_stride);
  void (*dots)(const EdgeTerms<T>&, const T* x, Index x_stride, const T* dy, Index dy_stride, T* dfactor);
  // The same with the largest of the edges' sums, column by column: winner[target][width] is its edge; no edge: -1, and 0.
  void (*max)(const EdgeTerms<T>&, const T* x, Index x_stride, T* y, Index y_stride, Index* winner);
  void (*max_back)(const EdgeTerms<T>&, const T* x, Index x_stride, const T* dy, Index dy_stride, const Index* winner, T* dx,
                   Index dx_stride, T* dfactor);
};

// Random masks by place.
template <class T>
struct Masks {
  // mask[j] = dropped with this probability, else kept; decided by the hash of key and j.
  void (*draw)(std::uint64_t key, double probability, T dropped, T kept, Index count, T* mask);
};

// y = f(x) and dx += dy f'(x), on `count` elements.
template <class T>
struct Elementwise {
  void (*value)(const T* x, Index count, T* y);
  void (*vjp)(const T* x, const T* dy, Index count, T* dx);
};

// What a backend offers for one number type.
template <class T>
struct Kernels {
  Products<T> products;
  RowProducts<T> row_products;
  Reductions<T> reductions;
  Elementwise<T> tanh, relu, logistic;
  Normalization<T> normalization;
  Masks<T> masks;
  Traces<T> traces;
  Gathers<T> gathers;
};

// A step of one row, in one kernel. States stand in blocks of whole registers, `padded` numbers each; nobody looks at what lies
// behind the units.
template <class T>
struct StepRow {
  Index inputs, units, padded;
  const T* weights;  // as packed
  const T* x;        // [inputs]
  const T* parent;   // [num_states][padded]
  T* state;          // [num_states][padded], not the parent's
  T* y;              // [outputs][units]
};
// What is packed for it.
template <class T>
struct StepParameters {
  const T* input[max_gates];  // [units][inputs], of gates with W
  const T* feed[max_gates];   // [units][feeds * units], of gates with R
  const T* bias;              // [num_gates][units]
  const T* unit;              // [num_params][units]
};
template <class T>
struct CellStep {
  int lanes;                                                                  // of a register
  Index (*pack)(const StepParameters<T>&, Index inputs, Index units, T* to);  // returns the number of elements; to may be null
  void (*run)(const StepRow<T>&);                                             // null: the cell has none
};

// A cell's kernels. In `split` the function `out` always has a segment of its own, for layers that step between node and out.
template <class T>
struct CellVariants {
  CellKernels<T> fused, split;
  CellStep<T> step, narrow_step;  // the other one on narrower registers, for few units; where there are none, nothing
};

struct CellTable {
  CellInfo info;
  CellVariants<float> float32;
  CellVariants<double> float64;
};

struct Backend {
  const char* name;
  Kernels<float> float32;
  Kernels<double> float64;
  int num_cells;
  CellTable cells[max_cells];
};

// The half of a Backend or a CellTable for number type T.
template <class T, class Table>
const auto& kernels(const Table& table) {
  if constexpr (sizeof(T) == sizeof(float))
    return table.float32;
  else
    return table.float64;
}

}  // namespace recurra
