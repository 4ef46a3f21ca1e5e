#include "factory.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>

#include "../backends/select.h"
#include "activation.h"
#include "adaptive_softmax.h"
#include "attention.h"
#include "cell_layer.h"
#include "cutoffs.h"
#include "delay.h"
#include "dropout.h"
#include "embedding.h"
#include "inner_layers.h"
#include "linear.h"
#include "max_pooling.h"
#include "memory_layers.h"
#include "pooling.h"
#include "recurra/cell_registry.h"
#include "topology_layers.h"

namespace recurra {

namespace {

template <class T>
using Builder = std::function<std::unique_ptr<Layer<T>>(Context&)>;

template <class T>
Builder<T> activation(Elementwise<T> Kernels<T>::* function) {
  return [function](Context& c) {
    return std::make_unique<ActivationLayer<T>>(kernels<T>(backend()).*function, c.known_features());
  };
}

template <class T>
std::unique_ptr<Layer<T>> delay(Context& c) {
  const Index taps = c.options.index("steps", OptionReader::most_elements), dilation = c.options.size("dilation", 1);
  if (!c.options.has("input_size") && c.place.features == 0)
    c.options.fail("needs the option 'input_size', or a layer before it that fixes the number of features");
  const Index size = c.options.size("input_size", c.place.features);
  const bool present = !c.options.has("present") || c.options.flag("present");
  if (taps == 0 && !present) c.options.fail("has steps = 0 and present = false, expected something of its input");
  c.options.check_product({taps + 1, dilation, size});
  return std::make_unique<Delay<T>>(taps, dilation, present, size);
}

template <class T>
std::unique_ptr<Layer<T>> attention(Context& c) {
  if (c.place.memory == 0) c.options.fail("has nothing to attend to, expected it in the decoder of an EncoderDecoder");
  const Index size = c.known_features();
  const std::string score = c.options.text("score", {"dot", "additive"});
  const Index units = score == "additive" ? c.options.size("size") : 0;
  if (score == "dot" && size != c.place.memory)
    c.options.fail("multiplies " + std::to_string(size) + " features by the encoder's " + std::to_string(c.place.memory) +
                   ", expected the same number for score = 'dot'");
  c.options.check_product({units + 1, size});
  c.options.check_product({units + 1, c.place.memory});
  return std::make_unique<Attention<T>>(kernels<T>(backend()), size, c.place.memory, units);
}

template <class T>
std::unique_ptr<Layer<T>> embedding(Context& c) {
  const Index count = c.options.size("num_embeddings"), size = c.options.size("size");
  c.options.check_product({count, size});
  if (!c.place.ids) c.options.fail("takes class ids, expected it as the first layer of a network, an encoder or a decoder");
  if (count > Index(1) << std::numeric_limits<T>::digits)
    c.options.fail("has num_embeddings = " + std::to_string(count) + ", expected at most " +
                   std::to_string(Index(1) << std::numeric_limits<T>::digits) + " in this dtype");
  return std::make_unique<Embedding<T>>(count, size);
}

template <class T>
std::unique_ptr<Layer<T>> adaptive_softmax(Context& c) {
  const Index inputs = c.options.size("input_size"), classes = c.options.size("num_classes");
  c.options.check_product({inputs, classes});
  const std::string text = c.options.has("cutoffs") ? c.options.text("cutoffs") : "";
  const auto cutoffs = cutoffs_from_text(text);
  const auto falls = [](Index a, Index b) { return a >= b; };
  if (!cutoffs || (!cutoffs->empty() && (cutoffs->front() < 1 || cutoffs->back() >= classes)) ||
      std::adjacent_find(cutoffs->begin(), cutoffs->end(), falls) != cutoffs->end())
    c.options.fail("has cutoffs = '" + text + "', expected increasing integers, 1 .. num_classes - 1 (" +
                   std::to_string(classes - 1) + "), and commas between them");
  const double div_value = c.options.has("div_value") ? c.options.number("div_value") : 4.0;
  if (!(div_value > 0 && std::isfinite(div_value)))
    c.options.fail("has div_value = " + std::to_string(div_value) + ", expected a finite number above 0");
  std::vector<Index> units;
  Index total = 0;
  for (const double size : cluster_units(inputs, cutoffs->size(), div_value)) {
    const std::size_t i = units.size();
    if (!(size >= 1))
      c.options.fail("has no unit left for the projection of cluster " + std::to_string(i) +
                     ", expected input_size / div_value^" + std::to_string(i + 1) + " to be at least 1");
    if (!(size <= double(OptionReader::most_features))) c.options.fail("has sizes whose product overflows");
    units.push_back(Index(size));
    const Index end = i + 1 < cutoffs->size() ? (*cutoffs)[i + 1] : classes;
    c.options.check_product({units.back(), std::max(inputs, end - (*cutoffs)[i])});
    c.options.check_product({total += units.back()});
  }
  return std::make_unique<AdaptiveSoftmax<T>>(kernels<T>(backend()), inputs, classes, *cutoffs, units);
}

template <class T>
const std::map<std::string, Builder<T>>& builders() {
  static const std::map<std::string, Builder<T>> table{
      {"Linear",
       [](Context& c) {
         const Index inputs = c.options.size("input_size"), outputs = c.options.size("output_size");
         c.options.check_product({inputs, outputs});
         const bool bias = !c.options.has("bias") || c.options.flag("bias");
         return std::make_unique<Linear<T>>(kernels<T>(backend()), inputs, outputs, bias);
       }},
      {"AdaptiveSoftmax", adaptive_softmax<T>},
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
      {"Attention", attention<T>},
      {"Bidirectional", bidirectional<T>},
      {"Chain", chain<T>},
      {"Delay", delay<T>},
      {"EncoderDecoder", encoder_decoder<T>},
      {"Feedback", feedback<T>},
      {"NTMMemory", ntm_memory<T>},
      {"Residual", residual<T>},
      {"Skip", skip<T>},
      {"StackMemory", stack_memory<T>},
      {"Tree", tree<T>},
      {"GraphNet", graph_net<T>},
      {"Readout", readout<T>},
      {"ByType", message_alone<T>},
      {"EdgeNet", message_alone<T>},
      {"MLP", message_alone<T>},
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
    layer->description = describe_alone(spec);
    return layer;
  }
  // A type is one word: "GRU(reset=after)" is a name of the registry, its options belong into the description.
  const CellTable* table = spec.type.find('(') == std::string::npos ? find_cell(cell_variant(spec)) : nullptr;
  if (!table) context.options.fail("is unknown as '" + cell_variant(spec) + "', expected one of " + known_types());
  CellOptions options = cell_options(spec, table->info, context.where());
  auto layer = std::make_unique<CellLayer<T>>(*table, kernels<T>(backend()), std::move(options), place.salt);
  layer->description = describe_alone(spec);
  return layer;
}

template std::unique_ptr<Layer<float>> make_layer(const LayerSpec&, const Place&);
template std::unique_ptr<Layer<double>> make_layer(const LayerSpec&, const Place&);

}  // namespace recurra
