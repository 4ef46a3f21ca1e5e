// What a cell layer costs: its products, and its cell's functions on all units.
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
  const auto add_pointwise = [&](double forward, double back, Per per) {
    work.pointwise_forward[per] += forward;
    work.pointwise_training[per] += forward + back;
  };
  const CellOperations& operations = layout_.info.operations;
  const double units = double(layout_.hidden_size);
  add_pointwise(units * operations.node, units * operations.node_back, Per::step);
  add_pointwise(units * operations.edge, units * operations.edge_back, layout_.runs_over_trees() ? Per::edge : Per::step);
  if (layout_.runs_over_trees()) {  // messages are summed, and what children feed, unless it stands side by side
    const double sums = double(layout_.message_width) + (options.parents == Parents::summed ? double(layout_.feed_width) : 0);
    add_pointwise(sums, 0, Per::edge);
  }
  return work;
}

template Work CellLayer<float>::work(bool) const;
template Work CellLayer<double>::work(bool) const;

}  // namespace recurra
