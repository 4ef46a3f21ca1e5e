// The sizes of the reference steps. Compiled once per instruction set.
#include "reference.h"

#include "reference_step.h"

namespace recurra {
inline namespace RECURRA_ISA {
namespace reference {

template <class Cell, int I, int H, int W>
int make(Reference* found, int count) {
  if constexpr (4 * W <= vector_bytes && W < H + 8)  // no register that would stay half empty
    found[count++] = {W, sizeof(Step<Cell, I, H, W>), Step<Cell, I, H, W>::pack, Step<Cell, I, H, W>::run};
  return count;
}

template <class Cell, int I, int H>
int widths(int inputs, int units, Reference* found) {
  if (inputs != I || units != H) return 0;
  return make<Cell, I, H, 16>(found, make<Cell, I, H, 8>(found, make<Cell, I, H, 4>(found, 0)));
}

template <class Cell>
int sizes(int inputs, int units, Reference* found) {
  int count = 0;
  if (!count) count = widths<Cell, 8, 8>(inputs, units, found);
  if (!count) count = widths<Cell, 16, 16>(inputs, units, found);
  if (!count) count = widths<Cell, 32, 32>(inputs, units, found);
  // Models of audio effects: one sample in.
  if (!count) count = widths<Cell, 1, 8>(inputs, units, found);
  if (!count) count = widths<Cell, 1, 12>(inputs, units, found);
  if (!count) count = widths<Cell, 1, 16>(inputs, units, found);
  if (!count) count = widths<Cell, 1, 20>(inputs, units, found);
  if (!count) count = widths<Cell, 1, 24>(inputs, units, found);
  if (!count) count = widths<Cell, 1, 40>(inputs, units, found);
  return count;
}

}  // namespace reference

// The steps of this cell and size, by width of register; returns how many.
int references(const char* cell, int inputs, int units, Reference (&found)[most_references]) {
  if (!std::strcmp(cell, reference::Lstm::name)) return reference::sizes<reference::Lstm>(inputs, units, found);
  if (!std::strcmp(cell, reference::Gru::name)) return reference::sizes<reference::Gru>(inputs, units, found);
  if (!std::strcmp(cell, reference::Elman::name)) return reference::sizes<reference::Elman>(inputs, units, found);
  return 0;
}

}  // namespace RECURRA_ISA
}  // namespace recurra
