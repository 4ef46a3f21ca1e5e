#include "turns.h"

#include <cstdio>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "timing.h"

namespace benchmark {
namespace {

void turn(const Turns::Block& block, long calls) {
  const double start = seconds();
  block(calls);
  std::printf("%.6f\n", (seconds() - start) * 1e9 / double(calls));
}

void latency(const Turns::Block& block, long count) {
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

}  // namespace

void Turns::serve() const {
  std::printf("{\"ready\": true}\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) answer(line);
}

void Turns::answer(const std::string& line) const {
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

}  // namespace benchmark
