// The machine's ceilings: multiply-adds, and reading by the size of what is read.
#pragma once

#include <string>

namespace benchmark {

// Prints the floating-point operations of one call of "peak", multiply-adds on registers in so many threads, then takes turns
// (turns.h): a processor's clock changes with the hour, and a share of the peak compares what went on side by side.
void serve_peak(int threads, const std::string& isa);
// Prints JSON, one object per line.
void print_bandwidths(int threads, double seconds);

}  // namespace benchmark
