// recurra_benchmark peak <threads>            the peak of each instruction set
// recurra_benchmark step <model file> <seconds>  a stream's steps
// Prints JSON, one object per line.
#include <recurra/recurra.h>
#include <sched.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <thread>

#include "timing.h"

namespace recurra {
#define RECURRA_DECLARE(isa)                      \
  namespace isa {                                 \
  double multiply_adds(long rounds, float* sink); \
  }
RECURRA_DECLARE(baseline)
RECURRA_DECLARE(avx2)
RECURRA_DECLARE(avx512)
}  // namespace recurra

namespace {

using benchmark::quantile;
using benchmark::seconds;
using MultiplyAdds = double (*)(long, float*);

MultiplyAdds multiply_adds_of(const std::string& isa) {
#ifdef RECURRA_HAS_AVX512
  if (isa == "avx512") return recurra::avx512::multiply_adds;
#endif
#ifdef RECURRA_HAS_AVX2
  if (isa == "avx2") return recurra::avx2::multiply_adds;
#endif
  return isa == "baseline" ? recurra::baseline::multiply_adds : nullptr;
}

// Keeps the calling thread on the processor of this rank among those allowed.
void pin(int rank) {
  cpu_set_t allowed, mine;
  CPU_ZERO(&mine);
  if (sched_getaffinity(0, sizeof allowed, &allowed)) return;
  int cpu = 0;
  for (; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && rank-- == 0) break;
  if (cpu == CPU_SETSIZE) return;
  CPU_SET(cpu, &mine);
  (void)sched_setaffinity(0, sizeof mine, &mine);
}

// Operations per second of `count` threads, a processor each: the best of several runs, as it is a ceiling.
double peak(MultiplyAdds run, int count) {
  constexpr long rounds = 500'000;
  double best = 0;
  for (int repetition = 0; repetition < 60; ++repetition) {
    std::vector<double> operations(std::size_t(count), 0.0);
    std::vector<std::thread> threads;
    const double start = seconds();
    for (int rank = 0; rank < count; ++rank)
      threads.emplace_back([&mine = operations[std::size_t(rank)], rank, run] {
        pin(rank);
        float sink = 0.5f;
        mine = run(rounds, &sink);
      });
    for (std::thread& thread : threads) thread.join();
    const double taken = seconds() - start;
    double total = 0;
    for (const double mine : operations) total += mine;
    best = std::max(best, total / taken);
  }
  return best;
}

void print_peaks(int threads) {
  for (const std::string& isa : recurra::available_isas())
    std::printf("{\"isa\": \"%s\", \"threads\": %d, \"gflops\": %.1f}\n", isa.c_str(), threads,
                peak(multiply_adds_of(isa), threads) * 1e-9);
}

struct Latency {
  double p50, p99;
};

// Each step timed alone, less what reading the clock costs.
Latency latency(const std::function<void()>& step, double budget) {
  std::vector<double> clock, times;
  for (int i = 0; i < 2000; ++i) {
    const double start = seconds();
    clock.push_back(seconds() - start);
  }
  const double reading = quantile(clock, 0.5);
  for (const double end = seconds() + budget; times.size() < 1000 || (times.size() < 200'000 && seconds() < end);) {
    const double start = seconds();
    step();
    times.push_back(seconds() - start - reading);
  }
  return {quantile(times, 0.5), quantile(times, 0.99)};
}

// The outputs after 20 steps of x_t[j] = cos(t + j / 10) show that this is the network the peers run.
void print_step(const char* path, double budget) {
  const recurra::Network network = recurra::load(path);
  recurra::Stream stream(network);
  std::vector<float> x(std::size_t(stream.input_size()), 0.0f), y(std::size_t(stream.output_size()), 0.0f);
  bool ok = true;
  const auto step = [&] { ok = stream.step(x, y) && ok; };
  for (int t = 0; t < 20; ++t) {
    for (std::size_t j = 0; j < x.size(); ++j) x[j] = float(std::cos(t + double(j) / 10));
    step();
  }
  const std::vector<float> checked = y;
  const double median = benchmark::medians({step}, budget, 2e-4)[0];
  const Latency one = latency(step, budget / 2);
  if (!ok) throw std::runtime_error("step: the stream refused its input");
  std::printf("{\"median\": %.2f, \"p50\": %.2f, \"p99\": %.2f, \"y\": [", median * 1e9, one.p50 * 1e9, one.p99 * 1e9);
  for (std::size_t j = 0; j < checked.size(); ++j) std::printf("%s%.9g", j ? ", " : "", double(checked[j]));
  std::printf("]}\n");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 3 && !std::strcmp(argv[1], "peak"))
    print_peaks(std::stoi(argv[2]));
  else if (argc == 4 && !std::strcmp(argv[1], "step"))
    print_step(argv[2], std::stod(argv[3]));
  else
    return std::fprintf(stderr, "usage: %s peak <threads> | step <model file> <seconds>\n", argv[0]), 2;
  return 0;
} catch (const std::exception& error) {
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
