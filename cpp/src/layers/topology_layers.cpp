#include "topology_layers.h"

#include "../backends/select.h"
#include "../math/hash.h"
#include "cell_layer.h"
#include "graph_net.h"
#include "message_layers.h"
#include "readout.h"
#include "recurra/cell_registry.h"
#include "tree.h"

namespace recurra {

namespace {

// What belongs to the i-th layer inside.
Context inside(const Context& c, std::size_t i, const Place& place) {
  Context inner{c.spec.children[i], place, OptionReader(c.spec.children[i], "")};
  inner.options = OptionReader(inner.spec, inner.where());
  return inner;
}
Place place_inside(const Context& c, std::size_t i, Index features = 0) {
  Place place{Index(i), features, true};
  place.salt = mix(c.place.salt, i + 1);
  place.path = c.place.path + std::to_string(c.place.position) + " (" + c.spec.type + "), ";
  return place;
}

void check_tree_cell(const OptionReader& options, const CellOptions& o) {
  if (o.layer_norm || o.zones_out() || o.projection > 0 || o.recurrent_dropout > 0)
    options.fail("has layer normalisation, zoneout, a projection or recurrent dropout, expected them over sequences or graphs");
  if (o.heads > 1 && o.parents == Parents::by_slot) options.fail("has heads, expected none in a tree with an arity");
}

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> tree(Context& c) {
  if (c.spec.children.size() != 1)
    c.options.fail("has " + std::to_string(c.spec.children.size()) + " layers inside, expected one: a cell");
  const Place place = place_inside(c, 0);
  Context inner = inside(c, 0, place);
  const CellTable* table = inner.spec.type.find('(') == std::string::npos ? find_cell(cell_variant(inner.spec)) : nullptr;
  if (!table) inner.options.fail("is no cell as '" + cell_variant(inner.spec) + "', expected one in a Tree");
  CellOptions options = cell_options(inner.spec, table->info, inner.where());
  options.parents = c.options.has("arity") ? Parents::by_slot : Parents::summed;
  options.arity = c.options.size("arity", 1);
  constexpr Index most_slots = 256;  // every two of them have a block of R, which is laid out one by one
  if (options.arity > most_slots)
    c.options.fail("has arity = " + std::to_string(options.arity) + ", expected at most " + std::to_string(most_slots));
  options.bilinear = c.options.flag("bilinear");
  check_tree_cell(inner.options, options);
  const Index source = options.hidden_size * table->info.feeds;
  c.options.check_product({options.arity, source, options.arity + 1, options.hidden_size, Index(max_gates)});
  if (options.bilinear) {
    c.options.check_product({options.arity, source, options.arity, source, options.hidden_size, Index(max_gates)});
    bool fed = false;
    for (int k = 0; k < table->info.num_gates; ++k)
      fed = fed || (table->info.gates[k].stage != Stage::edge && table->info.gates[k].recurrent == From::feed);
    if (!fed) c.options.fail("is bilinear, but no gate of its cell reads what all children feed");
  }
  const bool down = c.options.has("direction") && c.options.text("direction", {"up", "down"}) == "down";
  std::vector<Child<T>> children;
  children.push_back({"", std::make_unique<CellLayer<T>>(*table, kernels<T>(backend()), std::move(options), place.salt)});
  children.back().layer->description = describe_alone(inner.spec);
  return std::make_unique<Tree<T>>(std::move(children), down);
}

template <class T>
std::unique_ptr<Layer<T>> graph_net(Context& c) {
  if (c.spec.children.size() != 2)
    c.options.fail("has " + std::to_string(c.spec.children.size()) + " layers inside, expected two: a cell and a message");
  const Place cell_place = place_inside(c, 0), message_place = place_inside(c, 1);
  Context cell_context = inside(c, 0, cell_place), message_context = inside(c, 1, message_place);
  const std::string type = message_context.spec.type;
  if (type != "Linear" && type != "ByType" && type != "EdgeNet" && type != "MLP")
    message_context.options.fail("is no message, expected Linear, ByType, EdgeNet or MLP");
  auto cell = make_layer<T>(cell_context.spec, cell_place);
  const auto* of_cell = dynamic_cast<const CellLayer<T>*>(cell.get());
  if (!of_cell) cell_context.options.fail("is no cell, expected one in a GraphNet");
  auto message = make_messages<T>(message_context, c, cell->output_size());
  message->description = describe_alone(message_context.spec);
  const bool joins = c.options.has("features") && c.options.text("features", {"state", "input"}) == "input";
  const Index heard = message->output_size(), inputs = cell->input_size(), outputs = cell->output_size();
  Index features = 0;
  if (joins) {
    features = inputs - heard;
    if (features < 1)
      cell_context.options.fail("has input_size = " + std::to_string(inputs) + ", expected the message's " +
                                std::to_string(heard) + " and the nodes' features");
    if (const Index given = c.options.size("input_size", features); given != features)
      c.options.fail("has input_size = " + std::to_string(given) + ", expected " + std::to_string(features) +
                     ", what the cell takes beside the message");
  } else {
    if (inputs != heard)
      cell_context.options.fail("has input_size = " + std::to_string(inputs) + ", expected the message's, " +
                                std::to_string(heard));
    if (!(of_cell->layout().info.carried & 1))
      cell_context.options.fail("does not carry its output from round to round, expected features = 'input'");
    if (of_cell->layout().options.learned_initial_state)
      cell_context.options.fail("learns its initial state, expected features = 'input': a state begins with the features");
    features = c.options.size("input_size", c.place.features > 0 ? c.place.features : outputs);
    if (features > outputs)
      c.options.fail("has " + std::to_string(features) + " features of a node, expected at most the state's " +
                     std::to_string(outputs) + ", or features = 'input'");
  }
  std::vector<Child<T>> children;
  const Index rounds = message->options().rounds;
  children.push_back({"cell.", std::move(cell)});
  children.push_back({"message.", std::move(message)});
  return std::make_unique<GraphNet<T>>(std::move(children), features, joins, rounds);
}

template <class T>
std::unique_ptr<Layer<T>> readout(Context& c) {
  c.options.check_no_children();
  const std::string how = c.options.text("pool", {"sum", "mean", "max", "root", "gated"});
  const Index features = c.known_features();
  if (how == "gated") {
    const Index size = c.options.size("size", features);
    c.options.check_product({2, size, features});
    std::vector<Child<T>> children;
    children.push_back({"", std::make_unique<Linear<T>>(kernels<T>(backend()), features, 2 * size)});
    return std::make_unique<GatedReadout<T>>(kernels<T>(backend()), std::move(children));
  }
  const Pool pool = how == "sum" ? Pool::sum : how == "mean" ? Pool::mean : how == "max" ? Pool::max : Pool::root;
  return std::make_unique<Readout<T>>(pool, features);
}

template <class T>
std::unique_ptr<Layer<T>> message_alone(Context& c) {
  c.options.fail("is a message, expected it inside a GraphNet");
}

#define RECURRA_INSTANTIATE(T)                               \
  template std::unique_ptr<Layer<T>> tree<T>(Context&);      \
  template std::unique_ptr<Layer<T>> graph_net<T>(Context&); \
  template std::unique_ptr<Layer<T>> readout<T>(Context&);   \
  template std::unique_ptr<Layer<T>> message_alone<T>(Context&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
