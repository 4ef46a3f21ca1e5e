// Trains a network with a cell of its own, streams it, saves it, loads it and compares.
#include <recurra/recurra.h>
#include <recurra_cells/leaky_tanh.h>

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr recurra::Index batch = 4, time_steps = 12;

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string("consumer: ") + what);
}

// The outputs of a stream fed with one sequence, step by step.
std::vector<float> streamed(const recurra::Network& network, const float* x) {
  recurra::Stream stream(network);
  std::vector<float> y(time_steps);
  for (recurra::Index t = 0; t < time_steps; ++t) require(stream.step({x + t, 1}, {y.data() + t, 1}), "a step failed");
  return y;
}

void run(const std::string& path) {
  recurra::register_leaky_tanh();
  recurra::Network network({recurra::layers::cell("LeakyTanh", 1, 6), recurra::layers::linear(6, 1)}, 1);

  std::vector<float> x(batch * time_steps), target(x.size()), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::sin(0.7f * float(i));
    target[i] = 0.5f * x[i];
  }
  const recurra::Data<float> data{{x.data(), batch, time_steps}, {target.data()}};
  recurra::FitOptions options;
  options.optimizer = recurra::Adam{.learning_rate = 0.02};
  options.epochs = 40;
  const recurra::History history = recurra::fit<float>(network, data, nullptr, options);
  require(history.epochs.back().loss < 0.2 * history.epochs.front().loss, "training does not lower the loss");

  recurra::Runner(network).forward(data.x, y.data());
  const std::vector<float> steps = streamed(network, x.data());
  for (std::size_t t = 0; t < steps.size(); ++t) require(std::abs(steps[t] - y[t]) < 1e-5f, "stream and batch differ");

  recurra::save(network, path);
  require(streamed(recurra::load(path), x.data()) == steps, "the loaded network differs");
  std::printf("%s: loss %.4f -> %.4f\n", recurra::isa().c_str(), history.epochs.front().loss, history.epochs.back().loss);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "consumer.safetensors");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
