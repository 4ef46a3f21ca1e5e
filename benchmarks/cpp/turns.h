// Runs in C++ that take turns with peers outside, which ask for them through standard input, line by line.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace benchmark {

class Turns {
 public:
  using Block = std::function<void(long calls)>;  // makes so many calls of what is timed

  void add(const std::string& name, Block block) { blocks_[name] = std::move(block); }

  // Prints that it is ready, then answers until its input ends
  //   turn <name> <calls>      with the nanoseconds of one call, of so many
  //   latency <name> <count>   with quantiles of so many calls timed one by one, less what reading the clock costs.
  void serve() const;

 private:
  void answer(const std::string& line) const;
  std::map<std::string, Block> blocks_;
};

}  // namespace benchmark
