#include "model.h"

#include <limits>
#include <stdexcept>

#include "../layers/factory.h"
#include "../layers/option_reader.h"

namespace recurra {

namespace {

[[noreturn]] void misfit(const std::vector<LayerSpec>& specs, std::size_t i, const std::string& what) {
  throw std::invalid_argument("Network: layer " + std::to_string(i) + " (" + specs[i].type + ") " + what + " layer " +
                              std::to_string(i - 1) + " (" + specs[i - 1].type + ")");
}

}  // namespace

template <class T>
Model<T>::Model(std::vector<LayerSpec> list) : specs(std::move(list)), parameter_offset{0}, state_offset{0} {
  if (specs.empty()) throw std::invalid_argument("Network: got no layers, expected at least one");
  for (std::size_t i = 0; i < specs.size(); ++i)  // first: what follows walks the layers inside layers
    if (is_too_deep(specs[i]))
      throw std::invalid_argument("Network: layer " + std::to_string(i) + " (" + specs[i].type +
                                  ") has layers nested deeper than " + std::to_string(max_layer_depth) + ", the limit");
  pooling = looking_ahead = specs.size();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    layers.push_back(make_layer<T>(specs[i], {.position = Index(i), .features = output_size, .ids = i == 0, .salt = i}));
    const Layer<T>& layer = *layers.back();
    decoder = dynamic_cast<const EncoderDecoder<T>*>(&layer);
    if (decoder && specs.size() > 1)
      throw std::invalid_argument("Network: layer " + std::to_string(i) + " (" + specs[i].type +
                                  ") is not the only layer, expected a network of its own");
    if (i == 0) input_size = layer.input_size();
    if (i > 0 && layer.input_size() != output_size)
      misfit(specs, i,
             "expects " + std::to_string(layer.input_size()) + " features, got " + std::to_string(output_size) + " from");
    if (i > pooling ? layer.domain() > Domain::time : !meet(domain, layer.domain(), domain))
      misfit(specs, i,
             std::string("runs over ") + to_string(layer.domain()) + ", got " +
                 (i > pooling ? "one vector for each" : to_string(domain)) + " from");
    if (layer.needs_time() && pooling < i) misfit(specs, i, "expects a sequence, got one vector per sequence from");
    if (layer.pools()) pooling = i;
    if (layer.looks_ahead() && looking_ahead == specs.size()) looking_ahead = i;
    if (layer.input() == Input::ids) num_ids = layer.parameters().front().shape.front();
    for (const Index width : layer.feedbacks()) feedbacks.push_back(width);
    output_size = layer.output_size();

    const std::string prefix = std::to_string(i) + ".";
    Index offset = parameter_offset.back();
    for (const ParameterSpec& spec : layer.parameters()) {
      parameters.push_back({prefix + spec.name, spec.shape, offset, spec.size()});
      if (__builtin_add_overflow(offset, spec.size(), &offset) || offset > std::numeric_limits<Index>::max() / 64)
        throw std::invalid_argument("Network: the number of parameters overflows");
    }
    parameter_offset.push_back(offset);
    offset = state_offset.back();
    for (const StateSpec& spec : layer.state()) {
      state_blocks.push_back({prefix + spec.name, to_string(specs[i]), offset, spec.width});
      if (__builtin_add_overflow(offset, spec.width, &offset) || offset > OptionReader::most_elements)
        throw std::invalid_argument("Network: the size of the state overflows");
    }
    state_offset.push_back(offset);
  }
  scorer = dynamic_cast<const ClassScorer<T>*>(layers.back().get());
}

template <class T>
void Model<T>::expect_sequences(const std::string& function) const {
  if (domain > Domain::time)
    throw std::invalid_argument(function + ": the network runs over " + to_string(domain) +
                                ", expected one that runs over sequences");
}

template <class T>
void Model<T>::initial_state(const T* flat, T* state) const {
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i]->initial_state(flat + parameter_offset[i], state + state_offset[i]);
}

template struct Model<float>;
template struct Model<double>;

}  // namespace recurra
