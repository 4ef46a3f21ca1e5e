// decode: what an EncoderDecoder of symbols writes when nobody tells it what to write.
#pragma once

#include "recurra/runner.h"

namespace recurra {

struct DecodeOptions {
  Index max_length = 100;   // of a sequence written, its end symbol included
  Index beam = 1;           // hypotheses kept per sequence; 1: greedy, the likeliest symbol at each step
  double length_power = 1;  // hypotheses that have ended are ranked by log probability / length^this (0: no normalisation)
  std::function<bool()> interrupt{};  // asked now and then; true abandons the batch (InterruptedBatch)
};

// One sequence.
struct Decoded {
  std::vector<std::int64_t> symbols;  // without its end symbol
  double log_probability = 0;         // of all of it, the end symbol included
  double score = 0;                   // what it was ranked by
  bool ended = false;                 // false: max_length came first, or the network has no end symbol
};

// What is written for each sequence of the batch: `beam` hypotheses at most, the best first. The search for one sequence ends
// when `beam` hypotheses have ended and none that goes on could still reach their scores; those that have not ended come last.
// Greedy search ends at the first end symbol. Throws std::invalid_argument for a network that does not decode symbols, settings
// out of range, or what a runner refuses; std::overflow_error for scores that are not finite.
template <class T>
std::vector<std::vector<Decoded>> decode(const BasicNetwork<T>& network, const Sequences<T>& x,
                                         const DecodeOptions& options = {});

// The encoder of a network that decodes, as a network of its own (which can be streamed unless it looks ahead).
template <class T>
BasicNetwork<T> encoder(const BasicNetwork<T>& network);

}  // namespace recurra
