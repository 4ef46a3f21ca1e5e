// Traces of parameters: gradient and recursion in one pass, for they are bound by memory.
#pragma once

#include "../../math/fold.h"
#include "cell_forward.inl"

namespace recurra {
inline namespace RECURRA_ISA {

// What is needed of the traces besides: their largest magnitude, and whether one is not finite.
template <class T>
struct TraceGuard {
  Pack<T> most = Pack<T>(0), spoiled = Pack<T>(0);
  RECURRA_INLINE void take(Pack<T> value) {
    const Pack<T> magnitude = select(value < Pack<T>(0), -value, value);
    most = select(magnitude > most, magnitude, most);
    spoiled = spoiled + value * Pack<T>(0);  // stays 0 for finite values
  }
  RECURRA_INLINE T result() const { return lane_max(most.v) + lane_sum(spoiled.v); }
};

// One register of columns of all states' traces. The coefficients are whatever `Coefficients` makes of them: a number of the row,
// or a register of rows.
template <int count, bool learns, class T, class Coefficients, class Lanes>
RECURRA_INLINE void advance_traces(const TraceRows<T>& t, const Coefficients& c, const Lanes& lanes, Pack<T> z, T* trace,
                                   T* gradient, TraceGuard<T>& guard) {
  using P = Pack<T>;
  constexpr int most = count > 0 ? count : max_traces;
  const int states = count > 0 ? count : t.states;
  P e[most];
#pragma GCC unroll 4
  for (int s = 0; s < states; ++s) e[s] = lanes.load(trace + s * t.trace_stride);
  if constexpr (learns) {
    P sum = lanes.load(gradient) + c.direct * z;
#pragma GCC unroll 4
    for (int s = 0; s < states; ++s) sum = sum + c.carried[s] * e[s];
    lanes.store(gradient, sum);
  }
#pragma GCC unroll 4
  for (int s = 0; s < states; ++s) {
    P next = c.enter[s] * z;
#pragma GCC unroll 4
    for (int from = 0; from < states; ++from) next = next + c.keep[s * states + from] * e[from];
    guard.take(next);
    lanes.store(trace + s * t.trace_stride, next);
  }
}

template <int count, class T>
struct TraceCoefficients {
  static constexpr int most = count > 0 ? count : max_traces;
  Pack<T> keep[most * most], enter[most], carried[most], direct;
  template <bool learns, class Load>
  RECURRA_INLINE void load(const TraceRows<T>& t, const Load& at) {
    const int states = count > 0 ? count : t.states;
#pragma GCC unroll 4
    for (int s = 0; s < states; ++s) {
#pragma GCC unroll 4
      for (int from = 0; from < states; ++from) keep[s * states + from] = at(t.keep + (s * states + from) * t.keep_stride);
      enter[s] = t.enter ? at(t.enter + s * t.enter_stride) : Pack<T>(0);
      if constexpr (learns) carried[s] = at(t.carried + s * t.carried_stride);
    }
    direct = learns && t.direct ? at(t.direct) : Pack<T>(0);
  }
};

// Parameters that multiply z: a register holds columns of one row.
template <int count, bool learns, class T>
T advance_rows(const TraceRows<T>& t) {
  TraceGuard<T> guard;
  TraceCoefficients<count, T> c;
  for (Index row = 0; row < t.rows; ++row) {
    c.template load<learns>(t, [row](const T* p) __attribute__((always_inline)) { return Pack<T>(p[row]); });
    T* trace = t.trace + row * t.columns;
    T* gradient = learns ? t.gradient + row * t.columns : nullptr;
    for_each_register<T>(t.columns, [&](Index j, const auto& lanes) __attribute__((always_inline)) {
      advance_traces<count, learns>(t, c, lanes, lanes.load(t.z + j), trace + j, learns ? gradient + j : nullptr, guard);
    });
  }
  return guard.result();
}

// One parameter a unit: a register holds units.
template <int count, bool learns, class T>
T advance_units(const TraceRows<T>& t) {
  TraceGuard<T> guard;
  TraceCoefficients<count, T> c;
  for_each_register<T>(t.rows, [&](Index row, const auto& lanes) __attribute__((always_inline)) {
    c.template load<learns>(t, [&](const T* p) __attribute__((always_inline)) { return lanes.load(p + row); });
    advance_traces<count, learns>(t, c, lanes, Pack<T>(1), t.trace + row, learns ? t.gradient + row : nullptr, guard);
  });
  return guard.result();
}

template <int count, class T>
T advance_some(const TraceRows<T>& t) {
  if (t.z) return t.gradient ? advance_rows<count, true>(t) : advance_rows<count, false>(t);
  return t.gradient ? advance_units<count, true>(t) : advance_units<count, false>(t);
}

template <class T>
T advance_trace_rows(const TraceRows<T>& t) {
  switch (t.states) {
    case 1: return advance_some<1>(t);
    case 2: return advance_some<2>(t);
    default: return advance_some<0>(t);
  }
}

template <class T>
Traces<T> traces_table() {
  return {advance_trace_rows<T>};
}

}  // namespace RECURRA_ISA
}  // namespace recurra
