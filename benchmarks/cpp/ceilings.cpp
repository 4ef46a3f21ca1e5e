#include "ceilings.h"

#include <recurra/recurra.h>
#include <sched.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "kernels.h"
#include "pages.h"
#include "timing.h"
#include "turns.h"

namespace benchmark {
namespace {

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

// The seconds from when all of so many threads, a processor each, have begun until the last is done.
double together(int count, const std::function<void(int rank)>& work) {
  std::atomic<int> waiting{count};
  std::vector<double> begun(std::size_t(count), 0.0), done(std::size_t(count), 0.0);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank)
    threads.emplace_back([&, rank] {
      pin(rank);
      for (--waiting; waiting.load() > 0;) std::this_thread::yield();
      begun[std::size_t(rank)] = seconds();
      work(rank);
      done[std::size_t(rank)] = seconds();
    });
  for (std::thread& thread : threads) thread.join();
  return *std::max_element(done.begin(), done.end()) - *std::min_element(begun.begin(), begun.end());
}

// Bytes per second, of runs of about 5 ms: `floats` in all, cut into as many parts as there are threads.
std::vector<double> bandwidths(const Kernels& kernels, const std::vector<Pages>& parts, long floats, double budget) {
  const int count = int(parts.size());
  const long share = std::max(256L, floats / count / 256 * 256);
  std::atomic<float> sink{0};
  const auto run = [&](long passes) {
    return together(count, [&](int rank) { sink = kernels.read_all(parts[std::size_t(rank)].get(), share, passes); });
  };
  long passes = 1;
  for (double taken = run(1); (taken = run(passes)) < 1e-3; passes *= 2) continue;
  passes *= 5;
  std::vector<double> rates;
  for (const double end = seconds() + budget; rates.size() < 7 || seconds() < end;)
    rates.push_back(double(share * count * passes) * sizeof(float) / run(passes));
  return rates;
}

}  // namespace

void serve_peak(int threads, const std::string& isa) {
  constexpr long rounds = 10'000;
  const Kernels kernels = kernels_of(isa);
  const auto multiply_adds = [kernels](long calls) {
    float sink = 0.5f;
    return kernels.multiply_adds(rounds * calls, &sink);
  };
  Turns turns;
  turns.add("peak", [=](long calls) {
    if (threads == 1)
      multiply_adds(calls);
    else
      together(threads, [&](int) { multiply_adds(calls); });
  });
  std::printf("{\"name\": \"peak\", \"operations\": %.0f}\n", multiply_adds(1) * threads);
  turns.serve();
}

void print_bandwidths(int threads, double budget) {
  const Kernels kernels = kernels_of(recurra::isa());
  constexpr long smallest = 16L << 10, largest = 64L << 20;
  std::vector<Pages> parts;
  for (int rank = 0; rank < threads; ++rank) parts.push_back(pages(std::size_t(largest) / sizeof(float) / std::size_t(threads)));
  for (long bytes = smallest; bytes <= largest; bytes *= 2) {
    const std::vector<double> rates = bandwidths(kernels, parts, bytes / long(sizeof(float)), budget);
    std::printf("{\"bytes\": %ld, \"threads\": %d, \"gbs\": %.2f, \"best\": %.2f}\n", bytes, threads, quantile(rates, 0.5) * 1e-9,
                quantile(rates, 1.0) * 1e-9);
  }
}

}  // namespace benchmark
