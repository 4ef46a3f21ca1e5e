// One execution: the reader gets the bytes, and whatever it does is held against the oracle.
#pragma once

#include <string>
#include <string_view>

namespace fuzz {

struct Outcome {
  bool loaded = false;
  std::string error;    // why the file was refused
  std::string finding;  // empty, or what the reader did wrong
  double memory = 0;    // the most memory of the call, as a multiple of what it may have
};

Outcome run(std::string_view bytes);

}  // namespace fuzz
