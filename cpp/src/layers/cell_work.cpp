// What the products of a cell layer cost.
#include "cell_layer.h"

namespace recurra {

template <class T>
Work CellLayer<T>::work(bool gives_dx) const {
  Work work;
  const auto add = [&](double count, Per per, bool back = true) {
    work.forward[per] += count;
    work.training[per] += count * (back ? 3 : 2);
  };
  const auto add_products = [&](const GateMatrix& matrix, Per per, bool back = true) {
    for (const GateProduct& p : matrix.products) add(double(p.width) * double(p.depth), per, back);
  };
  const CellOptions& options = layout_.options;
  add_products(layout_.input, Per::step, gives_dx);
  if (layout_.runs_over_trees()) {
    // Leaves share one source. Summed, every node multiplies what it feeds to the edge gates of the node above it.
    add_products(layout_.node_feed, Per::below);
    add_products(layout_.edge_feed, options.parents == Parents::summed ? Per::step : Per::below);
  } else {
    add_products(layout_.feed, Per::step);
  }
  add_products(layout_.message, Per::step);
  add_products(layout_.state, Per::step);
  if (layout_.projects()) add(double(options.projection) * double(layout_.hidden_size), Per::step);
  if (options.bilinear) {  // V_c u, and u times that
    const double size = double(layout_.unit - layout_.tensor);
    add(size + size / double(layout_.source_width), Per::below);
  }
  return work;
}

template Work CellLayer<float>::work(bool) const;
template Work CellLayer<double>::work(bool) const;

}  // namespace recurra
