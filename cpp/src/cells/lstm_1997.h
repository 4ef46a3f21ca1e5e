// The memory cell block of the first LSTM: `size` cells share an input and an output gate, there is no forget gate, the
// gates' activations are fed back beside the cells' outputs, and only gates have biases. A unit of this cell is one block.
//   i = sigmoid(a_i);  o = sigmoid(a_o);  c_k = c_k- + i g(a_gk);  h_k = o s(c_k),
//   g(x) = 4 sigmoid(x) - 2,  s(x) = 2 sigmoid(x) - 1;  a = W x + R [h_1 .. h_size, i, o]- + b.
// S. Hochreiter, J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997), eqs. 3 to 5 and appendix A.1.
#pragma once

#include "cell.h"
#include "cell_name.h"

namespace recurra {
inline namespace RECURRA_ISA {

template <int size>
struct Lstm1997 : CellBase {
  static_assert(size >= 1 && size <= 4);
  static constexpr char digit[] = {'0' + size, 0};
  static constexpr CellName full_name = CellName("LSTM1997(block_size=") + digit + ")";
  static constexpr const char* name = full_name.text;
  static constexpr const char* state_list[] = {"h1 i o c1", "h1 h2 i o c1 c2", "h1 h2 h3 i o c1 c2 c3",
                                               "h1 h2 h3 h4 i o c1 c2 c3 c4"};
  static constexpr const char* state_names = state_list[size - 1];
  static constexpr const char* gate_names = "i o g1 g2 g3 g4";
  static constexpr int feeds = size + 2, outputs = size + 2;
  enum State { h, in = size, open, c, num_states = 2 * size + 2 };
  enum Message { past, num_messages = size };
  enum { i, o, g, num_gates = size + 2 };
  RECURRA_HD static constexpr Gate gate(int k) { return Gate{Stage::node, true, From::feed, 0, k < g}.of(Function::logistic); }
  template <class N>
  RECURRA_HD static void edge(const N*, const N*, const N* parent, N* m) {
    for (int k = 0; k < size; ++k) m[past + k] = parent[c + k];
  }
  template <class N>
  RECURRA_HD static void node(const N* a, const N*, const N* m, N* s) {
    for (int k = 0; k < size; ++k) {
      N memory = m[past + k] + a[i] * (4 * a[g + k] - 2);
      s[c + k] = memory;
      s[h + k] = a[o] * (2 * sigmoid(memory) - 1);
    }
    s[in] = a[i];
    s[open] = a[o];
  }

  template <class N>
  RECURRA_HD static void node_vjp(const N* a, const N*, const N* m, const N* ds, N* da, N*, N* dm) {
    da[i] = ds[in];
    da[o] = ds[open];
    for (int k = 0; k < size; ++k) {
      N candidate = 4 * a[g + k] - 2, out = sigmoid(m[past + k] + a[i] * candidate);
      N dmemory = ds[c + k] + ds[h + k] * a[o] * 2 * out * (1 - out);
      da[o] = da[o] + ds[h + k] * (2 * out - 1);
      da[i] = da[i] + dmemory * candidate;
      da[g + k] = dmemory * a[i] * 4;
      dm[past + k] = dmemory;
    }
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
