#include "stream_peer.h"

#include <recurra/recurra.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "reference_network.h"
#include "turns.h"

namespace benchmark {
namespace {

using Step = std::function<void(const float* x, float* y)>;

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
    turns_.serve();
  }

 private:
  // A loop of its own for each kind of step, with nothing between its calls.
  template <class S>
  void add(const std::string& name, S step) {
    const auto shared = std::make_shared<S>(std::move(step));
    play(name, [shared](const float* x, float* y) { (*shared)(x, y); });
    turns_.add(name, [this, shared](long calls) {
      for (long i = 0; i < calls; ++i) (*shared)(x_.data(), y_.data());
    });
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
    turns_.add("floor", [this, kernels, data, count](long calls) { sink_ = kernels.read_all(data->get(), count, calls); });
    std::printf("{\"name\": \"floor\", \"bytes\": %ld}\n", count * long(sizeof(float)));
  }

  recurra::Network network_;
  std::vector<float> x_, y_;
  Turns turns_;
  volatile float sink_ = 0;
};

}  // namespace

void serve_stream(const char* model_file) { Peer(model_file).serve(); }

}  // namespace benchmark
