// Streams in C++ that take turns with peers outside.
#pragma once

namespace benchmark {

// Prints, for each way to make a step of this network, its name and its outputs after 20 steps of x_t[j] = cos(t + j / 10), which
// show that they are all the network that the peers run; then it takes turns (turns.h).
void serve_stream(const char* model_file);

}  // namespace benchmark
