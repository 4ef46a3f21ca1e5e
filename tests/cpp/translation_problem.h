// A ragged batch for a network that decodes, everything random: inputs and targets of lengths of their own, in no order, some
// of them empty.
#pragma once

#include "problem.h"
#include "recurra/runner.h"

namespace test {

using Vector = std::vector<double>;

template <class T = double>
struct BasicTranslation {
  static constexpr Index batch = 6, time = 5, target_time = 4;
  explicit BasicTranslation(std::vector<recurra::LayerSpec> layers) : network(std::move(layers), std::uint64_t(1)) {
    const std::vector<T> params = random_vector<T>(1, Index(network.flat().size()), 0.9);
    std::copy(params.begin(), params.end(), network.flat().begin());
    x = random_vector<T>(2, batch * time * network.input_size());
    if (network.takes_ids())
      for (T& id : x) id = std::floor((id + 1) / 2 * T(network.num_ids()));
    values = random_vector<T>(3, batch * target_time * network.output_size());
    recurra::Random random{4};
    for (Index i = 0; i < batch * target_time; ++i) {
      classes.push_back(std::int64_t(random.below(std::uint64_t(network.output_size()))));
      mask.push_back(random.below(3) > 0);
    }
  }
  recurra::Sequences<T> sequences() const {
    return {x.data(), batch, time, lengths.data(), nullptr, nullptr, target_time, target_lengths.data()};
  }
  // Symbols, or values.
  recurra::Target<T> target() const {
    if (writes_symbols()) return {nullptr, classes.data()};
    return {values.data()};
  }
  recurra::Loss loss() const { return writes_symbols() ? recurra::Loss::cross_entropy : recurra::Loss::mse; }
  bool writes_symbols() const { return network.num_symbols() > 0; }
  std::vector<T> forward(const recurra::Sequences<T>& sequences, const recurra::RunOptions& options = {}) const {
    std::vector<T> y(std::size_t(sequences.batch * target_time * network.output_size()), T(-1));
    recurra::BasicRunner<T>(network).forward(sequences, y.data(), nullptr, options);
    return y;
  }
  Vector gradient(const recurra::RunOptions& options = {}) const {
    Vector result(network.flat().size());
    recurra::BasicRunner<T>(network).loss_and_gradient(sequences(), target(), loss(), result.data(), nullptr, options);
    return result;
  }

  recurra::BasicNetwork<T> network;
  std::vector<T> x, values;
  std::vector<std::int64_t> classes;
  std::vector<std::uint8_t> mask;
  std::vector<Index> lengths{3, 0, 5, 1, 4, 2}, target_lengths{2, 3, 0, 4, 4, 1};
};
using Translation = BasicTranslation<double>;

inline const recurra::Options symbols{{"start", std::int64_t(5)}, {"end", std::int64_t(0)}};  // of 6 embeddings for 5 classes
inline const recurra::Options linear_bridge{{"bridge", "linear"}};
inline recurra::Options with_bridge(recurra::Options options) {
  options.insert(linear_bridge.begin(), linear_bridge.end());
  return options;
}

struct TranslationCase {
  std::string name;
  recurra::LayerSpec layer;
};

inline std::vector<TranslationCase> translation_cases() {
  using namespace recurra;
  using namespace recurra::layers;
  const LayerSpec words = embedding(7, 3), written = embedding(6, 3);
  const Options learned{{"learned_initial_state", true}};
  return {
      {"copied states", encoder_decoder({words, lstm(3, 4)}, {written, lstm(3, 4), linear(4, 5)}, symbols)},
      {"a bridge from another cell",
       encoder_decoder({words, gru(3, 6, "after", learned)}, {written, lstm(3, 4), linear(4, 5)}, with_bridge(symbols))},
      {"both directions, stacked", encoder_decoder({words, bidirectional(lstm(3, 2)), bidirectional(lstm(4, 3, learned))},
                                                   {written, lstm(3, 4), lstm(4, 6), linear(6, 5)}, symbols)},
      {"dot", encoder_decoder({words, bidirectional(gru(3, 2, "after", learned))},
                              {written, gru(3, 4), dot_attention(), linear(8, 5)}, symbols)},
      {"additive", encoder_decoder({lstm(2, 4, learned), residual({linear(4, 4)})},
                                   {written, lstm(3, 4), additive_attention(3), linear(8, 5)}, symbols)},
      {"attention between layers, of a stack",
       encoder_decoder({words, gru(3, 4), gru(4, 5)}, {written, gru(3, 4), additive_attention(2), gru(9, 5), linear(5, 5)},
                       symbols)},
      {"two attentions, one inside a skip, and dropout",
       encoder_decoder({words, elman(3, 4), dropout(0.2)},
                       {written, elman(3, 4), dot_attention(), skip({linear(8, 3), additive_attention(2), linear(7, 2)}),
                        dropout(0.3), linear(10, 5)},
                       symbols)},
      {"values", encoder_decoder({lstm(2, 4, learned)}, {lstm(3, 4), linear(4, 3)})},
      {"values, attention and a bridge",
       encoder_decoder({delay(1, {{"input_size", std::int64_t(2)}}), gru(4, 3)},
                       {linear(3, 3), dot_attention(), gru(6, 4), linear(4, 3)}, linear_bridge)},
      {"no states",
       encoder_decoder({linear(2, 3), layers::tanh()}, {linear(3, 4), additive_attention(2), layers::tanh(), linear(7, 3)})},
  };
}

// The place of the largest of `count` numbers, the first of equal ones.
template <class T>
Index largest(const T* row, Index count) {
  return std::max_element(row, row + count) - row;
}

// The logarithms of a softmax.
template <class T>
Vector log_probabilities(const T* scores, Index count) {
  double sum = 0;
  for (Index j = 0; j < count; ++j) sum += std::exp(double(scores[j]));
  Vector result;
  for (Index j = 0; j < count; ++j) result.push_back(double(scores[j]) - std::log(sum));
  return result;
}

}  // namespace test
