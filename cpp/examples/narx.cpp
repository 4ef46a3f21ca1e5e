// Learn to simulate a plant from its inputs and outputs: a NARX network, taught by the measured outputs (series-parallel), then
// let run on its own (parallel). The plant is example 2 of K. S. Narendra, K. Parthasarathy, IEEE Trans. Neural Networks 1
// (1990):
//   y_t = y_{t-1} y_{t-2} (y_{t-1} + 2.5) / (1 + y_{t-1}^2 + y_{t-2}^2) + u_t
//   narx model.safetensors
// Beside it a linear model of the same delays, trained alike.
#include <recurra/recurra.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

using recurra::Index;

constexpr Index training_rows = 60, training_steps = 100, test_steps = 400, seen = 20;
constexpr float noise = 0.02f;

struct Record {  // `rows` experiments of `steps` each
  Index rows, steps;
  std::vector<float> u, y;  // u_t is what the plant gets before it answers with y_t
  recurra::Data<float> data() const {
    recurra::Sequences<float> x{u.data(), rows, steps};
    x.teacher = y.data();
    return {x, {y.data()}};
  }
};

float uniform(std::uint32_t& state) { return float((state = state * 1664525u + 1013904223u) >> 8) / float(1 << 23) - 1; }

// Steps of random height and length excite it; what is measured has a little noise.
Record experiment(Index rows, Index steps, std::uint32_t seed) {
  Record record{rows, steps, {}, {}};
  for (Index i = 0; i < rows; ++i) {
    float before = 0, earlier = 0, u = 0;
    for (Index t = 0, left = 0; t < steps; ++t, --left) {
      if (left == 0) {
        u = uniform(seed);
        left = 1 + Index((uniform(seed) + 1) * 5);
      }
      const float y = before * earlier * (before + 2.5f) / (1 + before * before + earlier * earlier) + u;
      earlier = std::exchange(before, y);
      record.u.push_back(u);
      record.y.push_back(y + noise * uniform(seed));
    }
  }
  return record;
}

double rmse(std::span<const float> y, std::span<const float> truth) {
  double sum = 0;
  for (std::size_t t = 0; t < y.size(); ++t) sum += std::pow(double(y[t]) - double(truth[t]), 2);
  return std::sqrt(sum / double(y.size()));
}

struct Errors {
  double one_step, simulation;
};

Errors errors(const recurra::Network& net, const Record& test) {
  std::vector<float> y(test.y.size());
  recurra::Runner(net).forward(test.data().x, y.data());
  const double one_step = rmse(std::span(y).subspan(seen), std::span(test.y).subspan(seen));
  // From the outputs of the first steps on, the inputs are all it sees.
  recurra::forecast<float>(net, {test.y.data(), 1, seen, test.u.data()}, test_steps - seen, y.data());
  return {one_step, rmse(std::span(y).first(test_steps - seen), std::span(test.y).subspan(seen))};
}

recurra::Network train(std::vector<recurra::LayerSpec> net, const Record& training) {
  recurra::Network network({recurra::layers::feedback(std::move(net), 2)}, 1);
  recurra::FitOptions options;
  options.optimizer = recurra::Adam{.learning_rate = 1e-2};
  options.schedule = recurra::CosineDecay{.epochs = 800};
  options.epochs = 800;
  options.batch_size = 10;
  recurra::fit<float>(network, training.data(), nullptr, options);
  return network;
}

}  // namespace

int main(int argc, char** argv) try {
  using namespace recurra::layers;
  if (argc != 2) throw std::invalid_argument("usage: narx model.safetensors");
  const Record training = experiment(training_rows, training_steps, 1), test = experiment(1, test_steps, 2);
  recurra::save(train({linear(3, 32), recurra::layers::tanh(), linear(32, 1)}, training), argv[1]);
  const recurra::Network narx = recurra::load(argv[1]), straight = train({linear(3, 1)}, training);
  const Errors ours = errors(narx, test), theirs = errors(straight, test);
  std::printf("RMSE, measured with noise of %.3f:  one step  simulation of %td steps\n", double(noise) / std::sqrt(3.0),
              test_steps - seen);
  std::printf("NARX    %8.3f  %8.3f\nlinear  %8.3f  %8.3f\n", ours.one_step, ours.simulation, theirs.one_step, theirs.simulation);

  // Beside the plant, in real time: predict, then see what really came.
  recurra::Stream stream(narx);
  std::vector<float> predicted(test.y.size());
  for (std::size_t t = 0; t < test.y.size(); ++t)
    if (!stream.step({&test.u[t], 1}, {&predicted[t], 1}) || !stream.observe({&test.y[t], 1}))
      throw std::runtime_error("the stream refused a step");
  const double streamed = rmse(std::span(predicted).subspan(seen), std::span(test.y).subspan(seen));
  std::printf("NARX, streamed with what was measured: %.3f\n", streamed);
  const bool good = ours.one_step < 0.05 && ours.one_step < theirs.one_step / 3 && ours.simulation < 0.1 &&
                    ours.simulation < theirs.simulation / 3 && std::abs(streamed - ours.one_step) < 1e-5;
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::fprintf(stderr, "narx: %s\n", error.what());
  return EXIT_FAILURE;
}
