// Pattern: the number type that computes nothing and remembers which inputs a result depends on (a bit each).
// Run on a cell it tells what `edge` reads of a parent, and so which states are carried from step to step, and what `out`
// reads of the states that `node` wrote.
#pragma once

#include <cstdint>
#include <type_traits>

#include "isa.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct Pattern {
  std::uint64_t inputs = 0;

  Pattern() = default;
  template <class S, class = std::enable_if_t<std::is_arithmetic_v<S>>>
  Pattern(S) {}
  static Pattern variable(int bit) {
    Pattern pattern;
    pattern.inputs = std::uint64_t(1) << bit;
    return pattern;
  }
  static Pattern both(Pattern a, Pattern b) {
    a.inputs |= b.inputs;
    return a;
  }
  friend Pattern operator+(Pattern a, Pattern b) { return both(a, b); }
  friend Pattern operator-(Pattern a, Pattern b) { return both(a, b); }
  friend Pattern operator*(Pattern a, Pattern b) { return both(a, b); }
  friend Pattern operator/(Pattern a, Pattern b) { return both(a, b); }
  friend Pattern operator-(Pattern a) { return a; }
  friend Pattern operator<(Pattern a, Pattern b) { return both(a, b); }
  friend Pattern operator>(Pattern a, Pattern b) { return both(a, b); }
  friend Pattern select(Pattern condition, Pattern a, Pattern b) { return both(condition, both(a, b)); }
  friend Pattern exp(Pattern a) { return a; }
  friend Pattern tanh(Pattern a) { return a; }
  friend Pattern sigmoid(Pattern a) { return a; }
  friend Pattern softplus(Pattern a) { return a; }
  friend Pattern sqrt(Pattern a) { return a; }
  friend Pattern sin(Pattern a) { return a; }
  friend Pattern cos(Pattern a) { return a; }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
