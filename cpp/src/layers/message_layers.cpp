#include "message_layers.h"

#include "../backends/select.h"
#include "../math/hash.h"

namespace recurra {

namespace {

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
                   ", expected layers that take one edge at a time");
  if (net->input_size() != features)
    c.options.fail("has layers inside that expect " + std::to_string(net->input_size()) + " features, got " +
                   std::to_string(features));
  return net;
}

// What the GraphNet says of its messages.
MessageOptions read_rounds(Context& net) {
  MessageOptions o;
  o.rounds = bounded(net, "rounds", most_rounds);
  o.shared = !net.options.has("shared") || net.options.flag("shared");
  o.attention = net.options.flag("attention");
  const std::string how = net.options.has("aggregation") ? net.options.text("aggregation", {"sum", "mean", "max"}) : "sum";
  o.aggregation = how == "max" ? Aggregation::max : how == "mean" ? Aggregation::mean : Aggregation::sum;
  if (o.attention && o.aggregation != Aggregation::sum)
    net.options.fail("has attention and aggregation = '" + how + "', expected 'sum': attention shares are a mean already");
  return o;
}

// Layers over edges, as far as there are any, and how many matrices multiply a node's state.
template <class T>
struct EdgeParts {
  std::unique_ptr<Layer<T>> own, pairs;
  Index matrices = 1;
};

template <class T>
EdgeParts<T> read_pairs(Context& c, MessageOptions& o) {
  EdgeParts<T> parts;
  o.pairs = true;
  o.hidden = bounded(c, "hidden_size", most_wide);
  if (c.options.has("edge_size")) o.edge_size = bounded(c, "edge_size", most_wide);
  c.options.check_product({2, o.hidden, std::max(o.state_size, o.edge_size)});
  if (o.edge_size > 0) parts.own = std::make_unique<Linear<T>>(kernels<T>(backend()), o.edge_size, o.hidden, false);
  parts.pairs = edge_layers<T>(c, o.hidden);
  o.message_size = parts.pairs->output_size();
  parts.matrices = 2;
  return parts;
}

template <class T>
EdgeParts<T> read_terms(Context& c, MessageOptions& o) {
  EdgeParts<T> parts;
  o.edge_net = c.spec.type == "EdgeNet";
  o.message_size = bounded(c, "output_size", most_wide);
  if (!o.edge_net) c.options.check_no_children();
  if (c.spec.type == "ByType") o.types = bounded(c, "num_types", most_wide);
  if (o.edge_net) {
    o.edge_size = bounded(c, "edge_size", most_wide);
    if (!c.spec.children.empty()) parts.own = edge_layers<T>(c, o.edge_size);
    o.terms = (parts.own ? parts.own->output_size() : o.edge_size) + 1;
  }
  parts.matrices = std::max(o.types, o.terms);
  c.options.check_product({parts.matrices, o.message_size, o.state_size});
  return parts;
}

}  // namespace

template <class T>
std::unique_ptr<Messages<T>> make_messages(Context& c, Context& net, Index state_size) {
  MessageOptions o = read_rounds(net);
  o.state_size = bounded(c, "input_size", most_wide);
  if (o.state_size != state_size)
    c.options.fail("expects " + std::to_string(o.state_size) + " features, got " + std::to_string(state_size) + " from the cell");
  EdgeParts<T> parts = c.spec.type == "MLP" ? read_pairs<T>(c, o) : read_terms<T>(c, o);
  o.edge_layers = parts.own != nullptr;
  const bool bias = o.pairs || o.edge_net || !c.options.has("bias") || c.options.flag("bias");
  c.options.check_all_used();
  if (!o.shared && (o.pairs || o.attention))
    net.options.fail("has shared = false, expected a Linear, ByType or EdgeNet message without attention");
  std::vector<Child<T>> children;
  const Index rows = parts.matrices * (o.pairs ? o.hidden : o.message_size);
  for (Index round = 0; round < (o.shared ? 1 : o.rounds); ++round)
    children.push_back({o.shared ? "" : std::to_string(round) + ".",
                        std::make_unique<Linear<T>>(kernels<T>(backend()), o.state_size, rows, bias, parts.matrices)});
  if (parts.own) children.push_back({"edges.", std::move(parts.own)});
  if (parts.pairs) children.push_back({"net.", std::move(parts.pairs)});
  if (o.attention) {
    children.push_back({"attention.", std::make_unique<Linear<T>>(kernels<T>(backend()), o.state_size, 2, false)});
    if (o.edge_size > 0)
      children.push_back({"attention.edges.", std::make_unique<Linear<T>>(kernels<T>(backend()), o.edge_size, 1, false)});
  }
  return std::make_unique<Messages<T>>(kernels<T>(backend()), o, std::move(children));
}

template std::unique_ptr<Messages<float>> make_messages(Context&, Context&, Index);
template std::unique_ptr<Messages<double>> make_messages(Context&, Context&, Index);

}  // namespace recurra
