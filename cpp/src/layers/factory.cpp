#include "factory.h"

#include <functional>
#include <limits>
#include <map>
#include <stdexcept>

#include "../backends/select.h"
#include "../math/hash.h"
#include "activation.h"
#include "bidirectional.h"
#include "cell_layer.h"
#include "chain.h"
#include "delay.h"
#include "dropout.h"
#include "embedding.h"
#include "feedback.h"
#include "linear.h"
#include "max_pooling.h"
#include "option_reader.h"
#include "pooling.h"
#include "recurra/cell_registry.h"
#include "skip.h"

namespace recurra {

namespace {

// What the builders of all layer types share.
struct Context {
  const LayerSpec& spec;
  const Place& place;
  OptionReader options;

  std::string where() const { return "Network: layer " + place.path + std::to_string(place.position) + " (" + spec.type + ")"; }
  Index known_features() const {
    if (place.features == 0) options.fail("needs a layer before it that fixes the number of features");
    return place.features;
  }
};

template <class T>
using Builder = std::function<std::unique_ptr<Layer<T>>(Context&)>;

template <class T>
Builder<T> activation(Elementwise<T> Kernels<T>::* function) {
  return [function](Context& c) {
    return std::make_unique<ActivationLayer<T>>(kernels<T>(backend()).*function, c.known_features());
  };
}

// The i-th layer inside, after `features`.
template <class T>
std::unique_ptr<Layer<T>> inner_layer(Context& c, std::size_t i, Index features) {
  const Place place{Index(i), features, true, mix(c.place.salt, i + 1),
                    c.place.path + std::to_string(c.place.position) + " (" + c.spec.type + "), "};
  auto layer = make_layer<T>(c.spec.children[i], place);
  if (layer->pools()) c.options.fail("has a layer inside that pools over time, expected it outside");
  return layer;
}

// All of them, one after the other, the first one after `features`.
template <class T>
std::unique_ptr<Chain<T>> inner_chain(Context& c, Index features) {
  if (c.spec.children.empty()) c.options.fail("has no layers inside, expected at least one");
  std::vector<Child<T>> children;
  for (std::size_t i = 0; i < c.spec.children.size(); ++i) {
    auto layer = inner_layer<T>(c, i, features);
    if (i > 0 && layer->input_size() != features)
      c.options.fail("has layers inside that do not fit: layer " + std::to_string(i) + " expects " +
                     std::to_string(layer->input_size()) + " features, got " + std::to_string(features));
    features = layer->output_size();
    children.push_back({std::to_string(i) + ".", std::move(layer)});
  }
  return std::make_unique<Chain<T>>(std::move(children));
}

// The same as the only child of a layer around it.
template <class T>
std::vector<Child<T>> inner_net(Context& c, Index features) {
  std::vector<Child<T>> net;
  net.push_back({"", inner_chain<T>(c, features)});
  return net;
}

template <class T>
std::unique_ptr<Layer<T>> bidirectional(Context& c) {
  if (c.spec.children.size() != 2)
    c.options.fail("has " + std::to_string(c.spec.children.size()) + " layers inside, expected two: forward and reverse");
  std::vector<Child<T>> children;
  children.push_back({"forward.", inner_layer<T>(c, 0, c.place.features)});
  children.push_back({"reverse.", inner_layer<T>(c, 1, c.place.features)});
  if (children[0].layer->input_size() != children[1].layer->input_size())
    c.options.fail("has layers inside that expect " + std::to_string(children[0].layer->input_size()) + " and " +
                   std::to_string(children[1].layer->input_size()) + " features, expected the same number");
  return std::make_unique<Bidirectional<T>>(std::move(children));
}

template <class T>
std::unique_ptr<Layer<T>> delay(Context& c) {
  const Index taps = c.options.size("steps"), dilation = c.options.size("dilation", 1);
  if (!c.options.has("input_size") && c.place.features == 0)
    c.options.fail("needs the option 'input_size', or a layer before it that fixes the number of features");
  const Index size = c.options.size("input_size", c.place.features);
  c.options.check_product({taps + 1, dilation, size});
  return std::make_unique<Delay<T>>(taps, dilation, !c.options.has("present") || c.options.flag("present"), size);
}

template <class T>
std::unique_ptr<Layer<T>> feedback(Context& c) {
  const Index delays = c.options.size("delays", 1);
  std::vector<Child<T>> net = inner_net<T>(c, 0);  // what joins the input is not known before the net is
  const Layer<T>& inside = *net.front().layer;
  if (inside.looks_ahead()) c.options.fail("has a layer inside that looks ahead, expected outputs that are known step by step");
  c.options.check_product({delays, inside.output_size()});
  if (inside.input_size() < delays * inside.output_size())
    c.options.fail(
        "has layers inside from " + std::to_string(inside.input_size()) + " to " + std::to_string(inside.output_size()) +
        " features, expected at least delays * outputs = " + std::to_string(delays * inside.output_size()) + " inputs");
  return std::make_unique<Feedback<T>>(std::move(net), delays, c.place.salt);
}

template <class T>
std::unique_ptr<Layer<T>> embedding(Context& c) {
  const Index count = c.options.size("num_embeddings"), size = c.options.size("size");
  c.options.check_product({count, size});
  if (c.place.position != 0 || c.place.inside) c.options.fail("takes class ids, expected it as layer 0");
  if (count > Index(1) << std::numeric_limits<T>::digits)
    c.options.fail("has num_embeddings = " + std::to_string(count) + ", expected at most " +
                   std::to_string(Index(1) << std::numeric_limits<T>::digits) + " in this dtype");
  return std::make_unique<Embedding<T>>(count, size);
}

template <class T>
const std::map<std::string, Builder<T>>& builders() {
  static const std::map<std::string, Builder<T>> table{
      {"Linear",
       [](Context& c) {
         const Index inputs = c.options.size("input_size"), outputs = c.options.size("output_size");
         c.options.check_product({inputs, outputs});
         return std::make_unique<Linear<T>>(kernels<T>(backend()).products, inputs, outputs);
       }},
      {"Embedding", embedding<T>},
      {"Last", [](Context& c) { return std::make_unique<Last<T>>(c.known_features()); }},
      {"Mean", [](Context& c) { return std::make_unique<Mean<T>>(c.known_features()); }},
      {"Max", [](Context& c) { return std::make_unique<Max<T>>(c.known_features()); }},
      {"Dropout",
       [](Context& c) {
         if (!c.options.has("probability")) c.options.fail("lacks the option 'probability', expected a number");
         return std::make_unique<Dropout<T>>(kernels<T>(backend()).masks, c.options.probability("probability"),
                                             c.options.flag("per_sequence"), c.known_features(), c.place.salt);
       }},
      {"Tanh", activation<T>(&Kernels<T>::tanh)},
      {"Relu", activation<T>(&Kernels<T>::relu)},
      {"Logistic", activation<T>(&Kernels<T>::logistic)},
      {"Bidirectional", bidirectional<T>},
      {"Chain", [](Context& c) { return inner_chain<T>(c, c.place.features); }},
      {"Delay", delay<T>},
      {"Feedback", feedback<T>},
      {"Residual",
       [](Context& c) {
         auto layer = std::make_unique<Residual<T>>(inner_net<T>(c, c.place.features));
         if (layer->input_size() != layer->output_size())
           c.options.fail("has layers inside from " + std::to_string(layer->input_size()) + " to " +
                          std::to_string(layer->output_size()) + " features, expected the same number");
         return layer;
       }},
      {"Skip", [](Context& c) { return std::make_unique<Skip<T>>(inner_net<T>(c, c.place.features)); }},
  };
  return table;
}

std::string known_types() {
  std::string text;
  for (const std::string& name : cell_names()) text += name + ", ";
  for (const auto& [name, builder] : builders<float>()) text += name + ", ";
  return text.substr(0, text.size() - 2);
}

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerSpec& spec, const Place& place) {
  Context context{spec, place, OptionReader(spec, "")};
  context.options = OptionReader(spec, context.where());
  if (const auto found = builders<T>().find(spec.type); found != builders<T>().end()) {
    auto layer = found->second(context);
    context.options.check_features(layer->output_size());
    context.options.check_all_used();
    if (!dynamic_cast<const Wrapper<T>*>(layer.get())) context.options.check_no_children();
    return layer;
  }
  // A type is one word: "GRU(reset=after)" is a name of the registry, its options belong into the description.
  const CellTable* table = spec.type.find('(') == std::string::npos ? find_cell(cell_variant(spec)) : nullptr;
  if (!table) context.options.fail("is unknown as '" + cell_variant(spec) + "', expected one of " + known_types());
  CellOptions options = cell_options(spec, table->info, context.where());
  return std::make_unique<CellLayer<T>>(*table, kernels<T>(backend()), std::move(options), place.salt);
}

template std::unique_ptr<Layer<float>> make_layer(const LayerSpec&, const Place&);
template std::unique_ptr<Layer<double>> make_layer(const LayerSpec&, const Place&);

}  // namespace recurra
