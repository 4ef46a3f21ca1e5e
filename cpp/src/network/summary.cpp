#include "recurra/summary.h"

#include <algorithm>

#include "model.h"

namespace recurra {

namespace {

// Those whose names begin so.
template <class T>
void count_parameters(const BasicNetwork<T>& network, LayerSummary& row, const std::string& prefix) {
  const auto contains = [](auto begin, auto end, const std::string& name) { return std::find(begin, end, name) != end; };
  const auto is_copy = [&](const std::string& name) {
    return std::any_of(network.tied().begin(), network.tied().end(),
                       [&](const auto& group) { return contains(group.begin() + 1, group.end(), name); });
  };
  for (const Parameter& p : network.parameters()) {
    if (!p.name.starts_with(prefix)) continue;
    const bool rests = contains(network.frozen().begin(), network.frozen().end(), p.name);
    (is_copy(p.name) ? row.copies : rests ? row.frozen : row.trained) += p.size;
  }
}

// The rows of a layer and of those inside it. The paces are those of the layers around it, from outside; a part that is not
// described and has no name of its own is its layer's affair.
template <class T>
void add_rows(const BasicNetwork<T>& network, const Part<T>& part, const std::string& prefix, std::vector<Pace> paces, int depth,
              std::vector<LayerSummary>& rows) {
  const Layer<T>& layer = *part.layer;
  const std::string name = prefix + part.name;
  const std::vector<Part<T>> inside = layer.parts(part.gives_dx);
  const bool shown = !layer.description.empty() || (!part.name.empty() && inside.empty());
  paces.push_back(part.pace);
  if (shown) {
    LayerSummary row{
        name.substr(0, name.size() - 1), layer.description, depth, layer.input_size(), layer.output_size(), 0, 0, 0, 0,
        layer.work(part.gives_dx)};
    count_parameters(network, row, name);
    for (const StateSpec& spec : layer.state()) row.state += spec.width;
    for (auto pace = paces.rbegin(); pace != paces.rend(); ++pace) row.work = paced(row.work, *pace);
    rows.push_back(std::move(row));
  }
  for (const Part<T>& one : inside) add_rows(network, one, name, paces, depth + shown, rows);
}

}  // namespace

template <class T>
Summary summary(const BasicNetwork<T>& network) {
  const Model<T>& model = *network.model();
  Summary all;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const std::size_t first = all.layers.size();
    const Pace pace{i > model.pooling ? Per::sequence : Per::step};
    add_rows(network, {std::to_string(i) + ".", model.layers[i].get(), i > 0, pace}, "", {}, 0, all.layers);
    const LayerSummary& row = all.layers[first];
    all.trained += row.trained;
    all.frozen += row.frozen;
    all.copies += row.copies;
    all.state += row.state;
    all.work += row.work;
  }
  return all;
}

template Summary summary(const BasicNetwork<float>&);
template Summary summary(const BasicNetwork<double>&);

}  // namespace recurra
