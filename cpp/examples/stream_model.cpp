// Load a model file and step it, as a real-time program would: no allocation, lock or system call in a step.
//   stream_model model.safetensors
#include <recurra/recurra.h>

#include <cmath>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: stream_model model.safetensors\n");
    return 2;
  }
  try {
    const recurra::Network net = recurra::load(argv[1]);
    recurra::Stream stream(net);
    std::vector<float> x(std::size_t(net.input_size())), y(std::size_t(net.output_size()));
    for (int t = 0; t < 24; ++t) {
      for (std::size_t j = 0; j < x.size(); ++j) x[j] = std::sin(0.5f * float(t) + float(j));
      if (!stream.step(x, y)) {
        std::fprintf(stderr, "stream_model: step %d was refused\n", t);
        return 1;
      }
      std::printf("%2d  %+.4f\n", t, double(y[0]));
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stream_model: %s\n", error.what());
    return 1;
  }
}
