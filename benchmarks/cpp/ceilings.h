// The machine's ceilings: multiply-adds, and reading by the size of what is read.
#pragma once

namespace benchmark {

// They print JSON, one object per line.
void print_peaks(int threads);
void print_bandwidths(int threads, double seconds);

}  // namespace benchmark
