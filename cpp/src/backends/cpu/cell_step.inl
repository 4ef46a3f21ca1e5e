// A cell's step of one row in one kernel: the products of all gates, whose sums stay in registers, and the cell's functions
// behind them, a group of registers of units at a time.
//
// The weights of a group lie as they are read, [gate][register][lane]: biases and per-unit parameters; then W, for one input
// after the other; then R, for one fed state after the other. Sums that are too few to hide the latency of a multiply-add are
// split into phases: input k goes to phase k modulo their number.
#pragma once

#include "cell_forward.inl"

namespace recurra {
inline namespace RECURRA_ISA {

inline constexpr int sums_in_flight = 8;  // so many multiply-adds begin before the first one ends

template <class Cell, int group>
constexpr int step_phases() {
  int phases = 1;
  while (phases * 2 * group * Cell::num_gates <= sums_in_flight) phases *= 2;
  return phases;
}
// Registers of units in the largest groups but the last: 4, 2 or 1.
template <class Cell>
constexpr int largest_group = 4 * Cell::num_gates <= sums_in_flight   ? 4
                              : 2 * Cell::num_gates <= sums_in_flight ? 2
                                                                      : 1;
// Of the next group, if so many registers are left. The last three stay together where they can: each group reads all of x.
template <class Cell>
constexpr int next_group(Index left) {
  constexpr int most = largest_group<Cell>;
  return left == 3 && most > 1 ? 3 : left < most ? int(left) : most;
}

enum class StepProduct { input, feed };
template <class Cell, StepProduct which>
constexpr bool has_product(int k) {
  return which == StepProduct::input ? Cell::gate(k).input : Cell::gate(k).recurrent == From::feed;
}

template <class Cell, class T, int group>
struct StepSums {
  static constexpr int gates = Cell::num_gates, lanes = Pack<T>::lanes, phases = step_phases<Cell, group>();
  Pack<T> of[phases][group][gates];

  RECURRA_INLINE void start(const T*& weights) {
#pragma GCC unroll 16
    for (int k = 0; k < gates; ++k)
#pragma GCC unroll 4
      for (int n = 0; n < group; ++n, weights += lanes) {
        of[0][n][k] = Pack<T>::load(weights);
#pragma GCC unroll 8
        for (int p = 1; p < phases; ++p) of[p][n][k] = Pack<T>(0);
      }
  }
  static constexpr int at_once = phases > 4 ? phases : 4;  // a loop of few rounds ends as foreseen
  // The products with `count` numbers from x on.
  template <StepProduct which, int count>
  RECURRA_INLINE void add_some(const T* x, const T*& weights) {
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i)
#pragma GCC unroll 16
      for (int k = 0; k < gates; ++k)
        if (has_product<Cell, which>(k))
#pragma GCC unroll 4
          for (int n = 0; n < group; ++n, weights += lanes) {
            Pack<T>& sum = of[i % phases][n][k];
            sum = sum + Pack<T>(x[i]) * Pack<T>::load(weights);
          }
  }
  template <StepProduct which, int count>
  RECURRA_INLINE void add_rest(const T* x, Index depth, const T*& weights) {
    if constexpr (count > 0) {
      if (depth & count) {
        add_some<which, count>(x, weights);
        x += count;
      }
      add_rest<which, count / 2>(x, depth, weights);
    }
  }
  template <StepProduct which>
  RECURRA_INLINE void add(const T* x, Index depth, const T*& weights) {
    for (const T* end = x + depth / at_once * at_once; x < end; x += at_once) add_some<which, at_once>(x, weights);
    add_rest<which, at_once / 2>(x, depth, weights);
  }
  RECURRA_INLINE void join() {
#pragma GCC unroll 4
    for (int half = phases / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int p = 0; p < half; ++p)
#pragma GCC unroll 4
        for (int n = 0; n < group; ++n)
#pragma GCC unroll 16
          for (int k = 0; k < gates; ++k) of[p][n][k] = of[p][n][k] + of[p + half][n][k];
  }
};

// Fewer numbers than a register has, in stores of their own size: a load that reads behind them would wait for one with a mask.
template <class T, int size = Pack<T>::lanes / 2>
RECURRA_INLINE void copy_few(const T* from, Index count, T* to) {
  if constexpr (size > 0) {
    if (count & size) {
      __builtin_memcpy(to, from, size * sizeof(T));
      from += size;
      to += size;
    }
    copy_few<T, size / 2>(from, count, to);
  }
}

// The functions on one register of units, from sums to states.
template <class Cell, class T>
RECURRA_INLINE void step_units(Pack<T>* a, const Pack<T>* u, const StepRow<T>& row, Index unit) {
  using Traits = CellTraits<Cell>;
  using N = Pack<T>;
  N parent[Traits::states], m[at_least_one(Traits::messages)], s[Traits::states];
  for (int k = 0; k < Traits::states; ++k) parent[k] = N::load(row.parent + k * row.padded + unit);
  for (int k = 0; k < Traits::messages; ++k) m[k] = N(0);
  for (int k = 0; k < Traits::states; ++k) s[k] = N(0);
  activate<Cell, Stage::edge>(a, u, parent);
  Cell::edge(a, u, parent, m);
  activate<Cell, Stage::node>(a, u, m);
  Cell::node(a, u, m, s);
  activate<Cell, Stage::out>(a, u, s);
  Cell::out(a, u, s);
  for (int k = 0; k < Traits::states; ++k) s[k].store(row.state + k * row.padded + unit);
  const Index left = row.units - unit;
  for (int k = 0; k < Cell::outputs; ++k)
    if (left >= N::lanes)
      s[k].store(row.y + k * row.units + unit);
    else
      copy_few(row.state + k * row.padded + unit, left, row.y + k * row.units + unit);
}

template <class Cell, class T, int group>
RECURRA_INLINE const T* step_group(const StepRow<T>& row, const T* weights, Index unit) {
  constexpr int lanes = Pack<T>::lanes, params = Cell::num_params;
  StepSums<Cell, T, group> sums;
  sums.start(weights);
  const T* unit_params = weights;
  weights += params * group * lanes;
  sums.template add<StepProduct::input>(row.x, row.inputs, weights);
  if constexpr (CellTraits<Cell>::multiplies(From::feed))
    for (int k = 0; k < Cell::feeds; ++k)
      sums.template add<StepProduct::feed>(row.parent + k * row.padded, row.units, weights);
  sums.join();
#pragma GCC unroll 4
  for (int n = 0; n < group; ++n) {
    Pack<T> u[at_least_one(params)];
    for (int k = 0; k < params; ++k) u[k] = Pack<T>::load(unit_params + (k * group + n) * lanes);
    step_units<Cell>(sums.of[0][n], u, row, unit + n * lanes);
  }
  return weights;
}

// Group by group, each as large as next_group says.
template <class Cell, class T>
void cell_step(const StepRow<T>& row) {
  constexpr int lanes = Pack<T>::lanes, most = largest_group<Cell>;
  const T* weights = row.weights;
  Index unit = 0, left = row.padded / lanes;
  for (; left >= most && next_group<Cell>(left) == most; left -= most, unit += most * lanes)
    weights = step_group<Cell, T, most>(row, weights, unit);
  if constexpr (most > 1) {
    if (left == 3) return void(step_group<Cell, T, 3>(row, weights, unit));
    if (most > 2 && left == 2) return void(step_group<Cell, T, 2>(row, weights, unit));
    if (left == 1) step_group<Cell, T, 1>(row, weights, unit);
  }
}

// Writes numbers in the order in which step_group reads them, zeros for units that do not exist; counts them if `to` is null.
template <class T>
struct StepWriter {
  Index units, unit;
  int group;
  T* to;
  Index count;
  // One number for each unit of the group: first[i * stride] for unit i.
  void write(const T* first, Index stride) {
    for (Index i = unit; i < unit + group * Pack<T>::lanes; ++i, ++count)
      if (to) to[count] = first && i < units ? first[i * stride] : T(0);
  }
};

// Per-unit parameters, [parameter][register][lane], as the cell's functions want them.
template <class Cell, class T>
void prepare_in_place(T* params, int group) {
  constexpr int lanes = Pack<T>::lanes, count = Cell::num_params;
  Pack<T> u[at_least_one(count)], p[at_least_one(count)];
  for (int n = 0; n < group; ++n) {
    for (int k = 0; k < count; ++k) u[k] = Pack<T>::load(params + (k * group + n) * lanes);
    prepare<Cell>(u, p);
    for (int k = 0; k < count; ++k) p[k].store(params + (k * group + n) * lanes);
  }
}

template <class Cell, class T>
Index pack_cell_step(const StepParameters<T>& from, Index inputs, Index units, T* to) {
  constexpr int lanes = Pack<T>::lanes;
  StepWriter<T> writer{units, 0, 0, to, 0};
  const auto write_product = [&](auto has, const T* const* rows, Index begin, Index end, Index columns) {
    for (Index x = begin; x < end; ++x)
      for (int k = 0; k < Cell::num_gates; ++k)
        if (has(k)) writer.write(rows[k] + x, columns);
  };
  for (; writer.unit < units; writer.unit += writer.group * lanes) {
    writer.group = next_group<Cell>((units - writer.unit + lanes - 1) / lanes);
    for (int k = 0; k < Cell::num_gates; ++k) writer.write(from.bias + k * units, 1);
    const Index params = writer.count;
    for (int k = 0; k < Cell::num_params; ++k) writer.write(from.unit + k * units, 1);
    if (to) prepare_in_place<Cell>(to + params, writer.group);
    write_product(has_product<Cell, StepProduct::input>, from.input, 0, inputs, inputs);
    write_product(has_product<Cell, StepProduct::feed>, from.feed, 0, Cell::feeds * units, Cell::feeds * units);
  }
  return writer.count;
}

// Cells with a product between their functions have no such step.
template <class Cell, class T>
CellStep<T> cell_step_of() {
  if constexpr (CellTraits<Cell>::split_after_edge || CellTraits<Cell>::split_after_node)
    return {};
  else
    return {Pack<T>::lanes, pack_cell_step<Cell, T>, cell_step<Cell, T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
