// The demo without Python: forecast the monthly CO2 concentration at Mauna Loa one month ahead, stream, save.
//   forecast co2_mauna_loa_monthly.csv model.safetensors
// Trains on 1958-1991 and scores the held-out years 1992-2001, beside persistence and the seasonal naive forecast.
#include <recurra/recurra.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t year = 12, window = 72, stride = 3;

struct Series {
  std::vector<float> ppm, change;  // change is standardised with the training part's mean and deviation
  std::size_t train_end = 0;
  float mean = 0, deviation = 0;
};

Series read_series(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  Series series;
  std::string line;
  std::getline(file, line);  // the header
  while (std::getline(file, line)) {
    if (line.starts_with("1992-01")) series.train_end = series.ppm.size();
    series.ppm.push_back(std::stof(line.substr(line.find(',') + 1)));
  }
  if (series.train_end < year + window) throw std::runtime_error(path + " is too short");
  series.change.resize(series.ppm.size());
  double sum = 0, squares = 0;
  for (std::size_t t = 1; t < series.ppm.size(); ++t) {
    const double change = series.ppm[t] - series.ppm[t - 1];
    series.change[t] = float(change);
    if (t < series.train_end) sum += change, squares += change * change;
  }
  const double count = double(series.train_end - 1);
  series.mean = float(sum / count);
  series.deviation = float(std::sqrt(squares / count - sum / count * sum / count));
  for (float& change : series.change) change = (change - series.mean) / series.deviation;
  return series;
}

// What the network sees at month t: this month's change, and the one that led to the next month a year ago.
void features(const Series& series, std::size_t t, float* x) {
  x[0] = series.change[t];
  x[1] = series.change[t + 1 - year];
}

void train(recurra::Network& net, const Series& series) {
  std::vector<float> x, y;
  recurra::Index count = 0;
  for (std::size_t start = year; start + window < series.train_end; start += stride, ++count)
    for (std::size_t t = start; t < start + window; ++t) {
      x.resize(x.size() + 2);
      features(series, t, &x[x.size() - 2]);
      y.push_back(series.change[t + 1]);
    }
  const recurra::Data<float> data{{x.data(), count, window}, {y.data()}};
  recurra::FitOptions options;
  options.optimizer = recurra::Adam{.learning_rate = 3e-3, .decay = {.l2 = 1e-3}};
  options.epochs = 150;
  options.clip_norm = 1.0;
  const recurra::History history = recurra::fit<float>(net, data, nullptr, options);
  std::printf("trained %zu epochs, loss %.4f\n", history.epochs.size(), history.epochs.back().loss);
}

double rmse(const std::vector<double>& errors) {
  double sum = 0;
  for (const double error : errors) sum += error * error;
  return std::sqrt(sum / double(errors.size()));
}

// The whole series in one call, against what the stream gave step by step.
double difference_from_batch(const recurra::Network& net, const std::vector<float>& inputs, const std::vector<float>& outputs) {
  std::vector<float> batch(outputs.size());
  recurra::Runner runner(net);
  runner.forward({inputs.data(), 1, recurra::Index(outputs.size())}, batch.data());
  double largest = 0;
  for (std::size_t t = 0; t < batch.size(); ++t) largest = std::max(largest, std::abs(double(batch[t]) - double(outputs[t])));
  return largest;
}

int run(const std::string& data, const std::string& model) {
  const Series series = read_series(data);
  recurra::Network net({recurra::layers::gru(2, 32), recurra::layers::linear(32, 1)}, 0);
  train(net, series);

  recurra::Stream stream(net);
  std::vector<double> ours, persistence, seasonal, nanoseconds;
  std::vector<float> inputs, outputs;
  float x[2], change = 0;
  for (std::size_t t = year; t + 1 < series.ppm.size(); ++t) {
    features(series, t, x);
    const auto start = std::chrono::steady_clock::now();
    if (!stream.step(x, {&change, 1})) throw std::runtime_error("the stream refused a step");
    nanoseconds.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
    inputs.insert(inputs.end(), x, x + 2);
    outputs.push_back(change);
    if (t + 1 < series.train_end) continue;
    const double next = series.ppm[t + 1];
    ours.push_back(series.ppm[t] + series.mean + series.deviation * change - next);
    persistence.push_back(series.ppm[t] - next);
    seasonal.push_back(series.ppm[t + 1 - year] - next);
  }
  std::printf("RMSE one month ahead, ppm: GRU %.3f  persistence %.3f  seasonal naive %.3f\n", rmse(ours), rmse(persistence),
              rmse(seasonal));
  std::sort(nanoseconds.begin(), nanoseconds.end());
  std::printf("a step: p50 %.0f ns, p99 %.0f ns (%s); largest difference from the batch result %.1e\n",
              nanoseconds[nanoseconds.size() / 2], nanoseconds[nanoseconds.size() * 99 / 100], recurra::isa().c_str(),
              difference_from_batch(net, inputs, outputs));
  recurra::save(net, model);
  std::printf("saved %s\n", model.c_str());
  return rmse(ours) < std::min(rmse(persistence), rmse(seasonal)) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: forecast series.csv model.safetensors\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "forecast: %s\n", error.what());
    return 1;
  }
}
