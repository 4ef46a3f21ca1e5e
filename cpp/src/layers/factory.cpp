#include "factory.h"

#include <functional>
#include <limits>
#include <set>
#include <stdexcept>

#include "../backends/select.h"
#include "activation.h"
#include "cell_layer.h"
#include "dropout.h"
#include "embedding.h"
#include "linear.h"
#include "pooling.h"
#include "recurra/cell_registry.h"

namespace recurra {

namespace {

[[noreturn]] void fail(const LayerSpec& spec, Index position, const std::string& what) {
  throw std::invalid_argument("Network: layer " + std::to_string(position) + " (" + spec.type + ") " + what);
}

// Reads a description's options and remembers which were asked for.
class Options {
 public:
  Options(const LayerSpec& spec, Index position) : spec_(spec), position_(position) {}

  Index size(const std::string& name) {
    const std::int64_t value = get<std::int64_t>(name, "an integer");
    if (value < 1) fail(spec_, position_, "has " + name + " = " + std::to_string(value) + ", expected at least 1");
    return value;
  }
  double number(const std::string& name) {
    const OptionValue& value = find(name, "a number");
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return double(*integer);
    return get<double>(name, "a number");
  }
  void check_all_used() const {
    for (const auto& [name, value] : spec_.options)
      if (!used_.count(name)) fail(spec_, position_, "has an unknown option '" + name + "'");
    if (!spec_.children.empty()) fail(spec_, position_, "has layers inside, expected none");
  }

 private:
  const OptionValue& find(const std::string& name, const std::string& kind) {
    const auto found = spec_.options.find(name);
    if (found == spec_.options.end()) fail(spec_, position_, "lacks the option '" + name + "', expected " + kind);
    used_.insert(name);
    return found->second;
  }
  template <class V>
  V get(const std::string& name, const std::string& kind) {
    const OptionValue& value = find(name, kind);
    if (!std::holds_alternative<V>(value)) fail(spec_, position_, "has an option '" + name + "' that is not " + kind);
    return std::get<V>(value);
  }

  const LayerSpec& spec_;
  Index position_;
  std::set<std::string> used_;
};

void check_product(const LayerSpec& spec, Index position, std::initializer_list<Index> factors) {
  Index product = 1;
  for (const Index factor : factors)
    if (__builtin_mul_overflow(product, factor, &product) || product > std::numeric_limits<Index>::max() / 1024)
      fail(spec, position, "has sizes whose product overflows");
}

// What the builders of all layer types share.
struct Context {
  const LayerSpec& spec;
  Index position, features;
  Options options;

  Index known_features() const {
    if (features == 0) fail(spec, position, "needs a layer before it that fixes the number of features");
    return features;
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

template <class T>
const std::map<std::string, Builder<T>>& builders() {
  static const std::map<std::string, Builder<T>> table{
      {"Linear",
       [](Context& c) {
         const Index inputs = c.options.size("input_size"), outputs = c.options.size("output_size");
         check_product(c.spec, c.position, {inputs, outputs});
         return std::make_unique<Linear<T>>(kernels<T>(backend()).products, inputs, outputs);
       }},
      {"Embedding",
       [](Context& c) {
         const Index count = c.options.size("num_embeddings"), size = c.options.size("size");
         check_product(c.spec, c.position, {count, size});
         if (c.position != 0) fail(c.spec, c.position, "takes class ids, expected it as layer 0");
         if (count > Index(1) << std::numeric_limits<T>::digits)
           fail(c.spec, c.position,
                "has num_embeddings = " + std::to_string(count) + ", expected at most " +
                    std::to_string(Index(1) << std::numeric_limits<T>::digits) + " in this dtype");
         return std::make_unique<Embedding<T>>(count, size);
       }},
      {"Last", [](Context& c) { return std::make_unique<Last<T>>(c.known_features()); }},
      {"Mean", [](Context& c) { return std::make_unique<Mean<T>>(c.known_features()); }},
      {"Dropout",
       [](Context& c) {
         const double probability = c.options.number("probability");
         if (!(probability >= 0 && probability < 1))
           fail(c.spec, c.position, "has probability = " + std::to_string(probability) + ", expected 0 <= probability < 1");
         return std::make_unique<Dropout<T>>(probability, c.known_features(), std::uint64_t(c.position));
       }},
      {"Tanh", activation<T>(&Kernels<T>::tanh)},
      {"Relu", activation<T>(&Kernels<T>::relu)},
      {"Logistic", activation<T>(&Kernels<T>::logistic)},
  };
  return table;
}

// The name under which a variant of a cell is registered: its type and all options but the sizes, "GRU(reset=after)".
std::string cell_name(const LayerSpec& spec) {
  LayerSpec variant{spec.type, spec.options};
  variant.options.erase("input_size");
  variant.options.erase("hidden_size");
  return variant.options.empty() ? spec.type : to_string(variant);
}

std::string known_types() {
  std::string text;
  for (const std::string& name : cell_names()) text += name + ", ";
  for (const auto& [name, builder] : builders<float>()) text += name + ", ";
  return text.substr(0, text.size() - 2);
}

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerSpec& spec, Index position, Index features) {
  Context context{spec, position, features, Options(spec, position)};
  if (const auto found = builders<T>().find(spec.type); found != builders<T>().end()) {
    auto layer = found->second(context);
    context.options.check_all_used();
    return layer;
  }
  const CellTable* table = find_cell(cell_name(spec));
  if (!table) fail(spec, position, "is unknown as '" + cell_name(spec) + "', expected one of " + known_types());
  const Index inputs = context.options.size("input_size"), units = context.options.size("hidden_size");
  check_product(spec, position, {inputs, units, Index(max_gates)});
  check_product(spec, position, {units, units, Index(max_gates)});
  if (!spec.children.empty()) fail(spec, position, "has layers inside, expected none");
  return std::make_unique<CellLayer<T>>(*table, kernels<T>(backend()).products, inputs, units);
}

template std::unique_ptr<Layer<float>> make_layer(const LayerSpec&, Index, Index);
template std::unique_ptr<Layer<double>> make_layer(const LayerSpec&, Index, Index);

}  // namespace recurra
