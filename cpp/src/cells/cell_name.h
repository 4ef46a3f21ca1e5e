// Names of cells that are made of parts at compile time: "Elman(activation=" + "tanh" + ")".
#pragma once

#include "../math/isa.h"

namespace recurra {
inline namespace RECURRA_ISA {

struct CellName {
  static constexpr int most = 64;
  char text[most] = {};
  constexpr CellName(const char* name) {
    for (int i = 0; name[i]; ++i) text[i] = name[i];
  }
  friend constexpr CellName operator+(CellName a, const CellName& b) {
    int end = 0;
    while (a.text[end]) ++end;
    for (int i = 0; b.text[i]; ++i) a.text[end + i] = b.text[i];
    return a;
  }
};

}  // namespace RECURRA_ISA
}  // namespace recurra
