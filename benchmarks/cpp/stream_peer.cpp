#include "stream_peer.h"

#include <recurra/recurra.h>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "reference_network.h"
#include "timing.h"

namespace benchmark {
namespace {

using Step = std::function<void(const float* x, float* y)>;
using Block = std::function<void(long calls)>;

class Peer {
 public:
  explicit Peer(const char* model_file)
      : network_(recurra::load(model_file)), x_(std::size_t(network_.input_size())), y_(std::size_t(network_.output_size())) {}

  void serve() {
    const Kernels kernels = kernels_of(recurra::isa());
    add("cpp", recurra::Stream(network_));
    add("cpp_bfloat16", recurra::Stream(network_, recurra::StreamOptions{.weights = recurra::WeightFormat::bfloat16}));
    add("cpp_int8", recurra::Stream(network_, recurra::StreamOptions{.weights = recurra::WeightFormat::int8}));
    add("cpp_threads2", recurra::Stream(network_, recurra::StreamOptions{.threads = 2}));
    for (int choice = 0; choice < recurra::most_references; ++choice)
      if (std::shared_ptr<ReferenceNetwork> reference = ReferenceNetwork::make(network_, kernels, choice))
        add("reference" + std::to_string(32 * reference->lanes()),
            [reference](const float* x, float* y) { reference->step(x, y); });
    add_floor(kernels);
    std::printf("{\"ready\": true}\n");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) answer(line);
  }

 private:
  // A loop of its own for each kind of step, with nothing between its calls.
  template <class S>
  void add(const std::string& name, S step) {
    const auto shared = std::make_shared<S>(std::move(step));
    play(name, [shared](const float* x, float* y) { (*shared)(x, y); });
    blocks_[name] = [this, shared](long calls) {
      for (long i = 0; i < calls; ++i) (*shared)(x_.data(), y_.data());
    };
  }
  void add(const std::string& name, recurra::Stream stream) {
    const auto shared = std::make_shared<recurra::Stream>(std::move(stream));
    add(name, [this, shared](const float*, float*) {
      if (!shared->step(x_, y_)) throw std::runtime_error("step: the stream refused its input");
    });
  }

  void play(const std::string& name, const Step& step) {
    for (int t = 0; t < 20; ++t) {
      for (std::size_t j = 0; j < x_.size(); ++j) x_[j] = float(std::cos(t + double(j) / 10));
      step(x_.data(), y_.data());
    }
    std::printf("{\"name\": \"%s\", \"y\": [", name.c_str());
    for (std::size_t j = 0; j < y_.size(); ++j) std::printf("%s%.9g", j ? ", " : "", double(y_[j]));
    std::printf("]}\n");
  }

  // One linear pass over as many bytes as the parameters have.
  void add_floor(const Kernels& kernels) {
    const long count = (long(network_.flat().size()) + 255) / 256 * 256;
    const std::shared_ptr<Pages> data = std::make_shared<Pages>(pages(std::size_t(count)));
    blocks_["floor"] = [this, kernels, data, count](long calls) { sink_ = kernels.read_all(data->get(), count, calls); };
    std::printf("{\"name\": \"floor\", \"bytes\": %ld}\n", count * long(sizeof(float)));
  }

  void answer(const std::string& line) {
    std::istringstream words(line);
    std::string verb, name;
    long count = 0;
    words >> verb >> name >> count;
    const auto block = blocks_.find(name);
    if (!words || block == blocks_.end() || count < 1)
      throw std::runtime_error("got '" + line + "', expected <verb> <name> <count>");
    if (verb == "turn")
      turn(block->second, count);
    else if (verb == "latency")
      latency(block->second, count);
    else
      throw std::runtime_error("got '" + verb + "', expected turn or latency");
    std::fflush(stdout);
  }

  static void turn(const Block& block, long calls) {
    const double start = seconds();
    block(calls);
    std::printf("%.6f\n", (seconds() - start) * 1e9 / double(calls));
  }

  static void latency(const Block& block, long count) {
    std::vector<double> clock, times;
    for (int i = 0; i < 2000; ++i) {
      const double start = seconds();
      clock.push_back(seconds() - start);
    }
    const double reading = quantile(clock, 0.5);
    for (long i = 0; i < count; ++i) {
      const double start = seconds();
      block(1);
      times.push_back((seconds() - start - reading) * 1e9);
    }
    std::printf("{\"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f}\n", quantile(times, 0.5), quantile(times, 0.99),
                quantile(times, 0.999));
  }

  recurra::Network network_;
  std::vector<float> x_, y_;
  std::map<std::string, Block> blocks_;
  volatile float sink_ = 0;
};

}  // namespace

void serve_stream(const char* model_file) { Peer(model_file).serve(); }

}  // namespace benchmark
