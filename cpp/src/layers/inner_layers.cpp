#include "inner_layers.h"

#include "../backends/select.h"
#include "../math/hash.h"
#include "bidirectional.h"
#include "encoder_decoder.h"
#include "feedback.h"
#include "linear.h"
#include "skip.h"

namespace recurra {

namespace {

// The i-th layer inside, after `features`.
template <class T>
std::unique_ptr<Layer<T>> inner_layer(Context& c, std::size_t i, Index features, bool ids = false, Index memory = 0) {
  Place place{Index(i), features, true, ids, memory};
  place.salt = mix(c.place.salt, i + 1);
  place.path = c.place.path + std::to_string(c.place.position) + " (" + c.spec.type + "), ";
  auto layer = make_layer<T>(c.spec.children[i], place);
  if (layer->pools()) c.options.fail("has a layer inside that pools over time, expected it outside");
  if (layer->decodes()) c.options.fail("has an EncoderDecoder inside, expected it as the only layer of a network");
  const std::string& type = c.spec.type;
  const bool over_time = type == "Bidirectional" || type == "Feedback" || type == "EncoderDecoder";
  if (over_time && layer->domain() > Domain::time)
    c.options.fail(std::string("has a layer inside that runs over ") + to_string(layer->domain()) + ", expected sequences");
  return layer;
}

// All of them, one after the other, the first one after `features`.
template <class T>
std::unique_ptr<Chain<T>> inner_chain(Context& c, Index features, bool ids = false) {
  if (c.spec.children.empty()) c.options.fail("has no layers inside, expected at least one");
  std::vector<Child<T>> children;
  Domain domain = Domain::any;
  for (std::size_t i = 0; i < c.spec.children.size(); ++i) {
    auto layer = inner_layer<T>(c, i, features, ids && i == 0, c.place.memory);
    if (i > 0 && layer->input_size() != features)
      c.options.fail("has layers inside that do not fit: layer " + std::to_string(i) + " expects " +
                     std::to_string(layer->input_size()) + " features, got " + std::to_string(features));
    features = layer->output_size();
    if (Domain before = domain; !meet(before, layer->domain(), domain))
      c.options.fail(std::string("has layers inside that run over ") + to_string(before) + " and over " +
                     to_string(layer->domain()) + ", expected the same");
    children.push_back({std::to_string(i) + ".", std::move(layer)});
  }
  return std::make_unique<Chain<T>>(std::move(children));
}

template <class T>
std::vector<Child<T>> only_child(std::unique_ptr<Layer<T>> layer) {
  std::vector<Child<T>> children;
  children.push_back({"", std::move(layer)});
  return children;
}

bool learns_initial_state(const LayerSpec& spec) {
  const auto found = spec.options.find("learned_initial_state");
  if (found != spec.options.end() && found->second == OptionValue(true)) return true;
  for (const LayerSpec& child : spec.children)
    if (learns_initial_state(child)) return true;
  return false;
}

// The decoder of an EncoderDecoder feeds back what it writes: symbols, if it begins with an embedding of them, or values.
template <class T>
std::unique_ptr<Feedback<T>> written_by(Context& c, std::unique_ptr<Layer<T>> net) {
  const Index outputs = net->output_size();
  const auto fail = [&](const std::string& what) { c.options.fail("has a decoder " + what); };
  if (net->looks_ahead()) fail("that looks ahead, expected outputs that are known step by step");
  if (!net->feedbacks().empty()) fail("with a Feedback inside, expected none: it is one");
  if (learns_initial_state(c.spec.children[1])) fail("that learns its initial state, but it begins with the encoder's");
  if (net->input() == Input::features) {
    if (c.options.has("start") || c.options.has("end"))
      fail("without an Embedding, but a start or end: expected them of symbols");
    if (net->input_size() != outputs)
      fail("from " + std::to_string(net->input_size()) + " to " + std::to_string(outputs) +
           " features, expected the same number: its outputs are its inputs");
    return std::make_unique<Feedback<T>>(only_child<T>(std::move(net)), 1, c.place.salt);
  }
  const Index symbols = net->parameters().front().shape.front();
  if (symbols < outputs)
    fail("with " + std::to_string(symbols) + " embeddings for " + std::to_string(outputs) + " classes, expected one for each");
  return std::make_unique<Feedback<T>>(only_child<T>(std::move(net)), 1, c.place.salt, c.options.index("start", symbols));
}

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> bidirectional(Context& c) {
  if (c.spec.children.size() != 2)
    c.options.fail("has " + std::to_string(c.spec.children.size()) + " layers inside, expected two: forward and reverse");
  std::vector<Child<T>> children;
  children.push_back({"forward.", inner_layer<T>(c, 0, c.place.features, false, c.place.memory)});
  children.push_back({"reverse.", inner_layer<T>(c, 1, c.place.features, false, c.place.memory)});
  if (children[0].layer->input_size() != children[1].layer->input_size())
    c.options.fail("has layers inside that expect " + std::to_string(children[0].layer->input_size()) + " and " +
                   std::to_string(children[1].layer->input_size()) + " features, expected the same number");
  return std::make_unique<Bidirectional<T>>(std::move(children));
}

template <class T>
std::unique_ptr<Layer<T>> chain(Context& c) {
  return inner_chain<T>(c, c.place.features, c.place.ids);
}

template <class T>
std::unique_ptr<Layer<T>> feedback(Context& c) {
  const Index delays = c.options.size("delays", 1);
  std::unique_ptr<Layer<T>> net = inner_chain<T>(c, 0);  // what joins the input is not known before the net is
  const Index inputs = net->input_size(), outputs = net->output_size();
  if (net->looks_ahead()) c.options.fail("has a layer inside that looks ahead, expected outputs that are known step by step");
  const Index fed = c.options.size("fed", outputs);
  if (fed > outputs)
    c.options.fail("has fed = " + std::to_string(fed) + ", expected at most the " + std::to_string(outputs) +
                   " features of the layers inside");
  c.options.check_product({delays, fed});
  if (inputs < delays * fed)
    c.options.fail("has layers inside from " + std::to_string(inputs) + " to " + std::to_string(outputs) +
                   " features, expected at least delays * " + (fed < outputs ? "fed = " : "outputs = ") +
                   std::to_string(delays * fed) + " inputs");
  return std::make_unique<Feedback<T>>(only_child<T>(std::move(net)), delays, c.place.salt, std::nullopt, fed);
}

template <class T>
std::unique_ptr<Layer<T>> residual(Context& c) {
  auto layer = std::make_unique<Residual<T>>(only_child<T>(inner_chain<T>(c, c.place.features)));
  if (layer->input_size() != layer->output_size())
    c.options.fail("has layers inside from " + std::to_string(layer->input_size()) + " to " +
                   std::to_string(layer->output_size()) + " features, expected the same number");
  return layer;
}

template <class T>
std::unique_ptr<Layer<T>> skip(Context& c) {
  return std::make_unique<Skip<T>>(only_child<T>(inner_chain<T>(c, c.place.features)));
}

template <class T>
std::unique_ptr<Layer<T>> encoder_decoder(Context& c) {
  if (c.place.inside || c.place.position != 0) c.options.fail("is not the only layer, expected a network of its own");
  if (c.spec.children.size() != 2 || c.spec.children[0].type != "Chain" || c.spec.children[1].type != "Chain")
    c.options.fail("expects two chains inside: the encoder's layers and the decoder's");
  auto encoder = inner_layer<T>(c, 0, 0, true);
  const Index width = encoder->output_size();
  auto net = inner_layer<T>(c, 1, 0, true, width);
  const bool of_symbols = net->input() == Input::ids;
  const Index symbols = of_symbols ? net->parameters().front().shape.front() : 0, outputs = net->output_size();
  const std::vector<StateSpec> from = encoder->state(), to = net->state();
  std::vector<Child<T>> children;
  children.push_back({"encoder.", std::move(encoder)});
  children.push_back({"decoder.", written_by<T>(c, std::move(net))});
  std::optional<Index> end;
  if (c.options.has("end")) end = c.options.index("end", outputs);
  std::vector<StateCopy> copies;
  if (c.options.has("bridge")) {
    c.options.text("bridge", {"linear"});
    if (total_width(from) == 0 || total_width(to) == 0) c.options.fail("has a bridge between states, but one side has none");
    c.options.check_product({total_width(from), total_width(to)});
    children.push_back({"bridge.", std::make_unique<Linear<T>>(kernels<T>(backend()), total_width(from), total_width(to))});
  } else if (copies = match_states(from, to); copies.empty() && total_width(to) > 0) {
    c.options.fail("has an encoder that ends with " + describe_states(from) + " and a decoder that begins with " +
                   describe_states(to) + ", expected the same states, or bridge = 'linear'");
  }
  return std::make_unique<EncoderDecoder<T>>(std::move(children), std::move(copies), symbols, end);
}

#define RECURRA_INSTANTIATE(T)                                     \
  template std::unique_ptr<Layer<T>> bidirectional<T>(Context&);   \
  template std::unique_ptr<Layer<T>> chain<T>(Context&);           \
  template std::unique_ptr<Layer<T>> encoder_decoder<T>(Context&); \
  template std::unique_ptr<Layer<T>> feedback<T>(Context&);        \
  template std::unique_ptr<Layer<T>> residual<T>(Context&);        \
  template std::unique_ptr<Layer<T>> skip<T>(Context&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
