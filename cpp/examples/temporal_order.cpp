// Classify whole sequences: in which order did two symbols come? (S. Hochreiter, J. Schmidhuber 1997, task 6a, shortened.)
//   temporal_order checkpoint.safetensors
// A layer-normalised LSTM in both directions, drawn orthogonal, with early stopping and checkpoints: kill it and start it again,
// and it goes on where it was. Then where the gradient goes, by lag.
#include <recurra/recurra.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace {

constexpr recurra::Index time_steps = 30, symbols = 6, classes = 4;

struct Orders {
  std::vector<float> x;              // [count][time][symbols], one of them 1: X, Y, or one of four distractors
  std::vector<std::int64_t> answer;  // XX, XY, YX, YY
  recurra::Data<float> data() const { return {{x.data(), recurra::Index(answer.size()), time_steps}, {nullptr, answer.data()}}; }
};

Orders draw(recurra::Index count, unsigned seed) {
  Orders orders;
  std::uint32_t state = seed;
  const auto below = [&](std::uint32_t n) { return (state = state * 1664525u + 1013904223u) / 65536u % n; };
  orders.x.assign(std::size_t(count * time_steps * symbols), 0.0f);
  for (recurra::Index i = 0; i < count; ++i) {
    const std::uint32_t first = below(2), second = below(2), early = 2 + below(8), late = 14 + below(8);
    for (std::uint32_t t = 0; t < time_steps; ++t) {
      const std::uint32_t symbol = t == early ? first : t == late ? second : 2 + below(4);
      orders.x[std::size_t((i * time_steps + t) * symbols + symbol)] = 1;
    }
    orders.answer.push_back(std::int64_t(2 * first + second));
  }
  return orders;
}

double accuracy(const recurra::Network& net, const Orders& orders) {
  const recurra::Index count = recurra::Index(orders.answer.size());
  std::vector<float> y(std::size_t(count * classes));
  recurra::Runner(net).forward(orders.data().x, y.data());
  recurra::Index right = 0;
  for (recurra::Index i = 0; i < count; ++i) {
    const auto row = y.begin() + i * classes;
    right += std::max_element(row, row + classes) - row == orders.answer[std::size_t(i)];
  }
  return double(right) / double(count);
}

}  // namespace

int main(int argc, char** argv) try {
  using namespace recurra::layers;
  if (argc != 2) throw std::invalid_argument("usage: temporal_order checkpoint.safetensors");
  recurra::Network net(
      {bidirectional(lstm(symbols, 16, {{"layer_norm", true}, {"zoneout_h", 0.05}})), last(), linear(32, classes)});
  recurra::initialize(net, 1, {.input = "glorot", .recurrent = "orthogonal", .bias = "zeros", .forget_bias = 1.0});

  const Orders training = draw(1500, 1), validation = draw(300, 2), test = draw(500, 3);
  recurra::FitOptions options;
  options.loss = recurra::Loss::cross_entropy;
  options.optimizer = recurra::AdamW{.learning_rate = 3e-3};
  options.schedule = recurra::CosineDecay{.epochs = 15};
  options.epochs = 15;
  options.clip_norm = 1;
  options.early_stopping = recurra::EarlyStopping{.patience = 3};
  options.checkpoint = argv[1];
  options.resume = true;
  const recurra::Data<float> held_out = validation.data();
  const recurra::History history = recurra::fit(net, training.data(), &held_out, options);
  const double right = accuracy(net, test);
  std::printf("%zu epochs, best %d, test accuracy %.3f (chance 0.250)\n", history.epochs.size(), history.best_epoch.value_or(-1),
              right);

  // An untrained Elman network beside an untrained LSTM: how much of the last output's gradient reaches back.
  for (const recurra::LayerSpec& cell : {elman(symbols, 16), lstm(symbols, 16)}) {
    recurra::Network fresh({cell, last(), linear(16, classes)});
    recurra::initialize(fresh, 1, {.bias = "zeros", .forget_bias = 3.0});
    recurra::Diagnosis diagnosis(fresh, std::span(test.x).first(std::size_t(time_steps * symbols)), time_steps);
    const std::vector<float> gradients =
        diagnosis.state_gradients(time_steps - 1, {nullptr, test.answer.data()}, recurra::Loss::cross_entropy);
    const auto norm = [&](recurra::Index step) {
      double sum = 0;
      for (recurra::Index j = 0; j < diagnosis.state_size(); ++j)
        sum += std::pow(gradients[std::size_t(step * diagnosis.state_size() + j)], 2);
      return std::sqrt(sum);
    };
    std::printf("%-5s |dL/ds| at lag 0, 10, 20: %.1e %.1e %.1e\n", cell.type.c_str(), norm(time_steps - 1), norm(time_steps - 11),
                norm(time_steps - 21));
  }
  return right > 0.9 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return EXIT_FAILURE;
}
