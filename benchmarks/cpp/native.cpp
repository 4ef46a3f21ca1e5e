// recurra_benchmark peak <threads> <isa>           the peak of an instruction set, block by block on request
// recurra_benchmark bandwidth <threads> <seconds>  of reading, by working-set size, each for so long
// recurra_benchmark stream <model file>            a stream's steps, block by block on request
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "ceilings.h"
#include "stream_peer.h"

int main(int argc, char** argv) try {
  if (argc == 4 && !std::strcmp(argv[1], "peak"))
    benchmark::serve_peak(std::stoi(argv[2]), argv[3]);
  else if (argc == 4 && !std::strcmp(argv[1], "bandwidth"))
    benchmark::print_bandwidths(std::stoi(argv[2]), std::stod(argv[3]));
  else if (argc == 3 && !std::strcmp(argv[1], "stream"))
    benchmark::serve_stream(argv[2]);
  else
    return std::fprintf(stderr, "usage: %s peak <threads> <isa> | bandwidth <threads> <seconds> | stream <model file>\n",
                        argv[0]),
           2;
  return 0;
} catch (const std::exception& error) {
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
