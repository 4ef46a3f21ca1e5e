// A network that learns while it runs beside a plant: it predicts each measurement, sees it, and learns from its error at once.
// Half-way the plant changes, and nobody tells. The plant is example 2 of K. S. Narendra, K. Parthasarathy, IEEE Trans. Neural
// Networks 1 (1990), with two parameters that move:
//   y_t = a y_{t-1} y_{t-2} (y_{t-1} + 2.5) / (1 + y_{t-1}^2 + y_{t-2}^2) + b u_t
//   online learner.safetensors
// The network sees u_t and the last measurement alone, so it must remember the one before. Beside it: the same network when it
// stops learning just before the change, one that never learned, and the last value as the prediction.
#include <recurra/recurra.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <utility>

namespace {

constexpr int steps = 24000, change = steps / 2, window = 2000;
constexpr float noise = 0.02f;

float uniform(std::uint32_t& state) { return float((state = state * 1664525u + 1013904223u) >> 8) / float(1 << 23) - 1; }

// Steps of random height and length excite it; what is measured has a little noise.
class Plant {
 public:
  // The input of the next step.
  float input() {
    if (left_-- == 0) {
      u_ = uniform(seed_);
      left_ = int((uniform(seed_) + 1) * 5);
    }
    return u_;
  }
  // Answers it.
  float measure(bool changed) {
    const float a = changed ? -0.7f : 1.0f, b = changed ? 0.6f : 1.0f;
    const float y = a * y_ * before_ * (y_ + 2.5f) / (1 + y_ * y_ + before_ * before_) + b * u_;
    before_ = std::exchange(y_, y);
    return y + noise * uniform(seed_);
  }

 private:
  std::uint32_t seed_ = 1;
  int left_ = 0;
  float u_ = 0, y_ = 0, before_ = 0;
};

// The root of the mean square of the errors since it was last read.
class Error {
 public:
  void add(float y, float truth) {
    sum_ += double(y - truth) * double(y - truth);
    ++count_;
  }
  double read() { return std::sqrt(std::exchange(sum_, 0) / std::exchange(count_, 0)); }

 private:
  double sum_ = 0;
  int count_ = 0;
};

float predict(recurra::Stream& stream, const std::array<float, 2>& x) {
  float y;
  if (!stream.step(x, {&y, 1})) throw std::runtime_error("the stream refused a step");
  return y;
}

}  // namespace

int main(int argc, char** argv) try {
  using namespace recurra::layers;
  if (argc != 2) throw std::invalid_argument("usage: online learner.safetensors");
  recurra::Network network({gru(2, 16), linear(16, 1)}, 1);
  const recurra::Network untaught = network;
  recurra::Stream never(untaught);
  const recurra::OnlineOptions options{.rule = recurra::Rtrl{}, .optimizer = recurra::Adam{.learning_rate = 3e-3}};
  recurra::Online learner(network, options);
  const recurra::OnlineReport plan = learner.report();
  std::printf("%s, %s: %.0f kB, %.0f kFlop per step\n", plan.rule.c_str(), plan.exact ? "exact" : "not exact",
              double(plan.bytes) / 1e3, plan.flops_per_step / 1e3);
  std::printf("RMSE in windows of %d steps, measured with noise of %.3f:\n   step  learning   stopped     never  last value\n",
              window, double(noise) / std::sqrt(3.0));

  Plant plant;
  Error learning, stopped_error, never_error, last_value;
  std::optional<recurra::Network> kept;
  std::optional<recurra::Stream> stopped;
  double before = 0, after = 0, stopped_after = 0, never_after = 0, last_after = 0;
  float last = 0;
  for (int t = 0; t < steps; ++t) {
    if (t == change) {  // a copy that learns no more, from here on in the same state
      kept = network;
      stopped.emplace(*kept);
      stopped->set_state(learner.state());
      learner.save(argv[1]);
      std::printf("the plant changes\n");
    }
    const std::array<float, 2> x{plant.input(), last};
    const float truth = plant.measure(t >= change);
    float y;
    learner.step(x, {&y, 1}, {&truth});  // y is from before it learned from the truth
    learning.add(y, truth);
    stopped_error.add(stopped ? predict(*stopped, x) : y, truth);
    never_error.add(predict(never, x), truth);
    last_value.add(last, truth);
    last = truth;
    if ((t + 1) % window != 0) continue;
    after = learning.read();
    if (t + 1 == change) before = after;
    stopped_after = stopped_error.read();
    never_after = never_error.read();
    last_after = last_value.read();
    std::printf("%7d  %8.3f  %8.3f  %8.3f  %10.3f\n", t + 1, after, stopped_after, never_after, last_after);
  }

  // The learner as it was when the plant changed goes on from its file.
  recurra::Network again = untaught;
  recurra::Online resumed(again, options);
  resumed.load(argv[1]);
  const bool same = resumed.report().steps == std::uint64_t(change) && again.flat().front() == kept->flat().front();
  const bool good = same && before < 0.15 && after < 0.06 && after < stopped_after / 3 && after < never_after / 3 &&
                    after < last_after / 3 && learner.report().guard_events == 0;
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::fprintf(stderr, "online: %s\n", error.what());
  return EXIT_FAILURE;
}
