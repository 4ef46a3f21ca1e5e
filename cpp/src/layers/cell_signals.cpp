// What can be seen of a cell layer from outside: cotangents of its carried states, and its states and gates over time.
#include <algorithm>
#include <cmath>

#include "cell_layer.h"

namespace recurra {

template <class T>
void CellLayer<T>::save_cotangent(Tape<T>& base, Index level, Index sequence, Index seed, T* to) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  for (const CarriedState& c : layout_.carried)
    to = std::copy_n(carried_cotangent(tape, c, (tape.in->row(level) + sequence) * tape.seeds + seed), c.width, to);
}

template <class T>
void CellLayer<T>::add_cotangent(Tape<T>& base, Index level, Index sequence, Index seed, const T* from) const {
  auto& tape = static_cast<CellTape<T>&>(base);
  for (const CarriedState& c : layout_.carried) {
    T* to = carried_cotangent(tape, c, (tape.in->row(level) + sequence) * tape.seeds + seed);
    for (Index j = 0; j < c.width; ++j) to[j] += *from++;
  }
}

namespace {

// "i:logistic": the name, and what makes the gate of its pre-activation.
struct GateSignal {
  std::string name, function;
};
std::vector<GateSignal> gate_signals(const CellInfo& info) {
  std::vector<GateSignal> signals;
  for (const std::string& name : split_names(info.gate_names, info.num_gates, "a")) {
    const std::size_t colon = name.find(':');
    signals.push_back({name.substr(0, colon), colon == std::string::npos ? "" : name.substr(colon + 1)});
  }
  return signals;
}

}  // namespace

template <class T>
std::vector<StateSpec> CellLayer<T>::signals() const {
  std::vector<StateSpec> specs;
  for (const std::string& name : split_names(layout_.info.state_names, layout_.info.num_states, "s"))
    specs.push_back({"state." + name, layout_.hidden_size});
  if (layout_.projects()) specs.push_back({"state.projection", layout_.options.projection});
  for (const GateSignal& gate : gate_signals(layout_.info)) specs.push_back({"gate." + gate.name, layout_.hidden_size});
  return specs;
}

template <class T>
void CellLayer<T>::save_signals(const Tape<T>& base, Index level, Index sequence, T* to) const {
  const auto& tape = static_cast<const CellTape<T>&>(base);
  const Index row = tape.in->row(level) + sequence, units = layout_.hidden_size;
  to = std::copy_n(tape.state.begin() + row * layout_.state_width, layout_.state_width, to);
  if (layout_.projects())
    to = std::copy_n(tape.projected.begin() + row * layout_.options.projection, layout_.options.projection, to);
  const T* a = tape.a.data() + (row - tape.in->num_roots()) * layout_.a_width;
  for (const GateSignal& gate : gate_signals(layout_.info)) {
    const Elementwise<T>* function = gate.function == "logistic" ? &library_.logistic
                                     : gate.function == "tanh"   ? &library_.tanh
                                                                 : nullptr;
    if (function)
      function->value(a, units, to);
    else
      std::copy_n(a, units, to);
    a += units;
    to += units;
  }
}

#define RECURRA_INSTANTIATE(T)                                                              \
  template void CellLayer<T>::save_cotangent(Tape<T>&, Index, Index, Index, T*) const;      \
  template void CellLayer<T>::add_cotangent(Tape<T>&, Index, Index, Index, const T*) const; \
  template std::vector<StateSpec> CellLayer<T>::signals() const;                            \
  template void CellLayer<T>::save_signals(const Tape<T>&, Index, Index, T*) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
