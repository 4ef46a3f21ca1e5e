// Cells by name: the library's own, then the registered ones.
#include <cstring>
#include <list>
#include <mutex>
#include <stdexcept>

#include "recurra/cell_registry.h"
#include "select.h"

namespace recurra {

namespace {

std::mutex mutex;  // guards `registered`, whose elements never move or go

std::list<CellTable>& registered() {
  static std::list<CellTable> cells;
  return cells;
}

const CellTable* find_own(const std::string& name) {
  for (int i = 0; i < backend().num_cells; ++i)
    if (name == backend().cells[i].info.name) return &backend().cells[i];
  return nullptr;
}

const CellTable* find_registered(const std::string& name) {
  for (const CellTable& table : registered())
    if (name == table.info.name) return &table;
  return nullptr;
}

}  // namespace

void register_cell(const CompiledCell& cell) {
  const std::string isa = backend().name;
  const auto make = isa == "avx512" ? cell.avx512 : isa == "avx2" ? cell.avx2 : cell.baseline;
  if (!make) throw std::invalid_argument("register_cell: the cell was not compiled for " + isa);
  CellTable table{};
  make(table);
  if (isa == "avx512" && cell.avx2) {
    CellTable narrower{};
    cell.avx2(narrower);
    add_narrow_steps(table, narrower);
  }
  const std::string name = table.info.name;
  const std::scoped_lock lock{mutex};
  if (const CellTable* known = find_registered(name)) {
    if (known->float32.fused.forward[0] == table.float32.fused.forward[0]) return;
    throw std::invalid_argument("register_cell: another cell is named '" + name + "'");
  }
  if (find_own(name)) throw std::invalid_argument("register_cell: the library has a cell named '" + name + "'");
  registered().push_back(table);
}

const CellTable* find_cell(const std::string& name) {
  if (const CellTable* own = find_own(name)) return own;
  const std::scoped_lock lock{mutex};
  return find_registered(name);
}

std::vector<std::string> cell_names() {
  std::vector<std::string> names;
  for (int i = 0; i < backend().num_cells; ++i) names.emplace_back(backend().cells[i].info.name);
  const std::scoped_lock lock{mutex};
  for (const CellTable& table : registered()) names.emplace_back(table.info.name);
  return names;
}

}  // namespace recurra
