#include "message_layers.h"

#include "../backends/select.h"
#include "../math/hash.h"

namespace recurra {

namespace {

template <class T>
const Products<T>& products() {
  return kernels<T>(backend()).products;
}

constexpr Index most_rounds = 1 << 16, most_wide = Index(1) << 40;  // each takes memory before a file's sizes are checked

Index bounded(Context& c, const std::string& name, Index most) {
  const Index value = c.options.size(name);
  if (value > most) c.options.fail("has " + name + " = " + std::to_string(value) + ", expected at most " + std::to_string(most));
  return value;
}

// A chain of layers that take one edge at a time.
template <class T>
std::unique_ptr<Layer<T>> edge_layers(Context& c, Index features) {
  const Place place{c.place.position, features, true, false, 0, mix(c.place.salt, 99), c.place.path};
  Context inner{c.spec, place, c.options};
  auto net = chain<T>(inner);
  if (net->domain() != Domain::any || net->needs_time())
    c.options.fail(std::string("has layers inside that run over ") + to_string(net->domain()) +
                   ", expected layers that take one " + "edge at a time");
  if (net->input_size() != features)
    c.options.fail("has layers inside that expect " + std::to_string(net->input_size()) + " features, got " +
                   std::to_string(features));
  return net;
}

}  // namespace

// The children of Messages in their order.
template <class T>
std::unique_ptr<Messages<T>> make_messages(Context& c, Context& net, Index state_size) {
  MessageOptions o;
  o.rounds = bounded(net, "rounds", most_rounds);
  o.shared = !net.options.has("shared") || net.options.flag("shared");
  o.attention = net.options.flag("attention");
  const std::string how = net.options.has("aggregation") ? net.options.text("aggregation", {"sum", "mean", "max"}) : "sum";
  o.aggregation = how == "max" ? Aggregation::max : how == "mean" ? Aggregation::mean : Aggregation::sum;
  if (o.attention && o.aggregation != Aggregation::sum)
    net.options.fail("has attention and aggregation = '" + how + "', expected 'sum': attention shares are a mean already");
  const std::string& type = c.spec.type;
  o.state_size = bounded(c, "input_size", most_wide);
  if (o.state_size != state_size)
    c.options.fail("expects " + std::to_string(o.state_size) + " features, got " + std::to_string(state_size) + " from the cell");
  o.pairs = type == "MLP";
  o.edge_net = type == "EdgeNet";
  if (o.edge_net || (o.pairs && c.options.has("edge_size"))) o.edge_size = bounded(c, "edge_size", most_wide);
  const bool bias = o.pairs || o.edge_net || !c.options.has("bias") || c.options.flag("bias");
  std::unique_ptr<Layer<T>> of_edges, of_pairs;
  Index rows = 0;
  if (o.pairs) {
    o.hidden = bounded(c, "hidden_size", most_wide);
    c.options.check_product({2, o.hidden, std::max(o.state_size, o.edge_size)});
    if (o.edge_size > 0) of_edges = std::make_unique<Linear<T>>(products<T>(), o.edge_size, o.hidden, false);
    of_pairs = edge_layers<T>(c, o.hidden);
    o.message_size = of_pairs->output_size();
    rows = 2 * o.hidden;
  } else {
    if (!o.edge_net) c.options.check_no_children();
    o.message_size = bounded(c, "output_size", most_wide);
    if (type == "ByType") o.types = bounded(c, "num_types", most_wide);
    if (o.edge_net && c.spec.children.empty()) {
      o.terms = o.edge_size + 1;
    } else if (o.edge_net) {
      of_edges = edge_layers<T>(c, o.edge_size);
      o.terms = of_edges->output_size() + 1;
    }
    c.options.check_product({std::max(o.types, o.terms), o.message_size, o.state_size});
    rows = std::max(o.types, o.terms) * o.message_size;
  }
  c.options.check_all_used();
  o.edge_layers = of_edges != nullptr;
  if (!o.shared && (o.pairs || o.attention))
    net.options.fail("has shared = false, expected a Linear, ByType or EdgeNet message without attention");
  std::vector<Child<T>> children;
  const Index matrices = o.pairs ? 2 : std::max(o.types, o.terms);
  for (Index round = 0; round < (o.shared ? 1 : o.rounds); ++round)
    children.push_back({o.shared ? "" : std::to_string(round) + ".",
                        std::make_unique<Linear<T>>(products<T>(), o.state_size, rows, bias, matrices)});
  if (of_edges) children.push_back({"edges.", std::move(of_edges)});
  if (of_pairs) children.push_back({"net.", std::move(of_pairs)});
  if (o.attention) {
    children.push_back({"attention.", std::make_unique<Linear<T>>(products<T>(), o.state_size, 2, false)});
    if (o.edge_size > 0)
      children.push_back({"attention.edges.", std::make_unique<Linear<T>>(products<T>(), o.edge_size, 1, false)});
  }
  return std::make_unique<Messages<T>>(kernels<T>(backend()), o, std::move(children));
}

template std::unique_ptr<Messages<float>> make_messages(Context&, Context&, Index);
template std::unique_ptr<Messages<double>> make_messages(Context&, Context&, Index);

}  // namespace recurra
