// Streams in C++ that take turns with peers outside: asked for blocks through standard input, line by line.
#pragma once

namespace benchmark {

// Prints, for each way to make a step of this network, its name and its outputs after 20 steps of x_t[j] = cos(t + j / 10), which
// show that they are all the network that the peers run; then "ready". From then on it answers
//   turn <name> <calls>      with the nanoseconds of one call, of so many
//   latency <name> <count>   with quantiles of so many steps timed one by one, less what reading the clock costs.
void serve_stream(const char* model_file);

}  // namespace benchmark
