// Linear recurrent unit, a complex diagonal recurrence:  s = lambda s- + gamma (W_re x + i W_im x),
//   lambda = exp(-exp(nu) + i exp(theta)),  gamma = exp(log gamma).  The output is [Re s, Im s]; the paper's Re(C s) + D x is a
// Linear on top (and a Skip).
// A. Orvieto et al., Resurrecting recurrent neural networks for long sequences, ICML 2023. lambda is drawn from the ring
// 0.9 <= |lambda| <= 0.999 with phases up to pi / 10 (their settings for long sequences), gamma = sqrt(1 - |lambda|^2).
#pragma once

#include "cell.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct Lru : CellBase {
  static constexpr const char* name = "LRU";
  static constexpr int num_params = 3, feeds = 0, outputs = 2;
  static constexpr const char* state_names = "re im";
  static constexpr const char* param_names = "nu_log theta_log gamma_log";
  static constexpr const char* gate_names = "in_re in_im";
  enum State { re, im, num_states };
  enum Message { past_re, past_im, num_messages };
  enum { in_re, in_im, num_gates };
  enum { nu_log, theta_log, gamma_log };
  enum { real, imaginary, gamma };  // as prepared: lambda's parts
  RECURRA_HD static constexpr Gate gate(int) { return {Stage::node, true, From::none, 0, false}; }
  template <class N>
  RECURRA_HD static void prepare(const N* u, N* p) {
    N radius = exp(-exp(u[nu_log])), phase = exp(u[theta_log]);
    p[real] = radius * cos(phase);
    p[imaginary] = radius * sin(phase);
    p[gamma] = exp(u[gamma_log]);
  }
  template <class N>
  RECURRA_HD static void edge(const N*, const N* p, const N* parent, N* m) {
    m[past_re] = p[real] * parent[re] - p[imaginary] * parent[im];
    m[past_im] = p[real] * parent[im] + p[imaginary] * parent[re];
  }
  template <class N>
  RECURRA_HD static void node(const N* a, const N* p, const N* m, N* s) {
    s[re] = m[past_re] + p[gamma] * a[in_re];
    s[im] = m[past_im] + p[gamma] * a[in_im];
  }
  static void initial(const double* uniform, double* u) {
    const double low = 0.9 * 0.9, high = 0.999 * 0.999, square = low + (high - low) * uniform[nu_log];  // |lambda|^2
    u[nu_log] = __builtin_log(-0.5 * __builtin_log(square));
    u[theta_log] = __builtin_log(0.314159265358979 * (1 - uniform[theta_log]));  // never log 0
    u[gamma_log] = 0.5 * __builtin_log(1 - square);
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
