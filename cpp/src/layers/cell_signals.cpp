// What can be seen of a cell layer from outside: cotangents of its carried states, and its states and gates over time.
#include <algorithm>

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

template <class T>
std::vector<StateSpec> CellLayer<T>::signals() const {
  std::vector<StateSpec> specs;
  for (const std::string& name : split_names(layout_.info.state_names, layout_.info.num_states, "s"))
    specs.push_back({"state." + name, layout_.hidden_size});
  if (layout_.projects()) specs.push_back({"state.projection", layout_.options.projection});
  for (const std::string& name : split_names(layout_.info.gate_names, layout_.info.num_gates, "a"))
    specs.push_back({"gate." + name, layout_.hidden_size});
  return specs;
}

template <class T>
void CellLayer<T>::save_signals(const Tape<T>& base, Index level, Index sequence, T* to) const {
  const auto& tape = static_cast<const CellTape<T>&>(base);
  const Index row = tape.in->row(level) + sequence;
  to = std::copy_n(tape.state.begin() + row * layout_.state_width, layout_.state_width, to);
  if (layout_.projects())
    to = std::copy_n(tape.projected.begin() + row * layout_.options.projection, layout_.options.projection, to);
  std::copy_n(tape.a.data() + (row - tape.in->num_roots()) * layout_.a_width, layout_.a_width, to);
}

#define RECURRA_INSTANTIATE(T)                                                              \
  template void CellLayer<T>::save_cotangent(Tape<T>&, Index, Index, Index, T*) const;      \
  template void CellLayer<T>::add_cotangent(Tape<T>&, Index, Index, Index, const T*) const; \
  template std::vector<StateSpec> CellLayer<T>::signals() const;                            \
  template void CellLayer<T>::save_signals(const Tape<T>&, Index, Index, T*) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
