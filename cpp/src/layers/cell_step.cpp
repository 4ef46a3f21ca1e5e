// The cell layer at one row of a stream: products of one row, each in one pass over its weights, and the cell's functions
// between.
#include <algorithm>

#include "cell_layer.h"

namespace recurra {

namespace {

// Of the columns begin .. end - 1, which no product begins or ends inside: the rows of the matrix behind them. Null: none.
const GateProduct* product_at(const GateMatrix& matrix, Index begin) {
  for (const GateProduct& p : matrix.products)
    if (p.column <= begin && begin < p.column + p.width) return &p;
  return nullptr;
}
template <class T>
const T* rows_at(const GateMatrix& matrix, const GateProduct& p, Index column, const T* params) {
  return params + matrix.offset + (p.row + column - p.column) * matrix.columns;
}

// All columns of pre-activations, cut where what they see changes.
template <class T>
std::vector<RowBlock<T>> input_and_feed(const CellLayout& layout, const T* params) {
  std::vector<Index> cuts{0, layout.a_width};
  for (const GateMatrix* matrix : {&layout.input, &layout.feed})
    for (const GateProduct& p : matrix->products) cuts.insert(cuts.end(), {p.column, p.column + p.width});
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  std::vector<RowBlock<T>> blocks;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    RowBlock<T> block{cuts[i], cuts[i + 1] - cuts[i]};
    if (const GateProduct* p = product_at(layout.input, block.column)) {
      block.input = rows_at(layout.input, *p, block.column, params);
      block.inputs = p->depth;
    }
    if (const GateProduct* p = product_at(layout.feed, block.column)) {
      block.recurrent = rows_at(layout.feed, *p, block.column, params);
      block.source = p->source;
      block.depth = p->depth;
    }
    blocks.push_back(block);
  }
  return blocks;
}

template <class T>
std::vector<RowBlock<T>> recurrent_alone(const GateMatrix& matrix, const T* params) {
  std::vector<RowBlock<T>> blocks;
  for (const GateProduct& p : matrix.products)
    blocks.push_back({p.column, p.width, nullptr, 0, rows_at(matrix, p, p.column, params), p.source, p.depth});
  return blocks;
}

}  // namespace

template <class T>
void CellLayer<T>::pack_step(const T* params, CellWeights<T>& w) const {
  pack_whole_step(params, w);
  const RowProducts<T>& products = library_.row_products;
  w.step.fed.pack(products, *w.row, input_and_feed(layout_, params));
  w.step.message.pack(products, *w.row, recurrent_alone(layout_.message, params));
  w.step.state.pack(products, *w.row, recurrent_alone(layout_.state, params));
  if (!layout_.projects()) return;
  const Index width = layout_.options.projection, units = layout_.hidden_size;
  w.step.projection.pack(products, *w.row, {{0, width, nullptr, 0, params + layout_.projection, 0, units}});
  w.step.nothing.assign(std::size_t(width), T(0));
}

// Without x (null), the pre-activations have W x + b already.
template <class T>
void CellLayer<T>::step(const CellWeights<T>& w, CellTape<T>& tape, Index level, const T* x) const {
  if (steps_whole(w, tape)) return whole_step(w, tape, x);
  const CellRows<T> rows = this->rows(w, tape, {level, level + 1});
  T* a = rows.a;
  w.step.fed.multiply(x, fed(tape, tape.in->row(level - 1)).data, x ? w.bias_row.data() : a, a);
  int segment = 0;
  kernels_.forward[segment++](rows);
  if (!layout_.message.products.empty()) {
    w.step.message.multiply(nullptr, rows.message, a, a);
    kernels_.forward[segment++](rows);
  }
  if (!layout_.state.products.empty()) {
    w.step.state.multiply(nullptr, rows.state, a, a);
    kernels_.forward[segment](rows);
  }
  if (layout_.has_raw_states()) zone_out(tape, level);
  if (layout_.projects()) {
    const Index row = tape.in->row(level);
    w.step.projection.multiply(nullptr, tape.state.data() + row * layout_.state_width, w.step.nothing.data(),
                               tape.projected.data() + row * layout_.options.projection);
  }
}

#define RECURRA_INSTANTIATE(T)                                            \
  template void CellLayer<T>::pack_step(const T*, CellWeights<T>&) const; \
  template void CellLayer<T>::step(const CellWeights<T>&, CellTape<T>&, Index, const T*) const;
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
