// Beam search: the hypotheses of one sequence. Backend-neutral; it sees log probabilities only.
#pragma once

#include <optional>
#include <vector>

#include "recurra/decode.h"

namespace recurra {

class Beam {
 public:
  // `end`: the symbol that ends a hypothesis.
  Beam(const DecodeOptions& options, std::optional<Index> end);

  // The live hypotheses: how many there are, and for each one, after advance(), which of those before it goes on from, and by
  // which symbol.
  Index size() const { return Index(live_.size()); }
  Index parent(Index i) const { return live_[std::size_t(i)].parent; }
  std::int64_t symbol(Index i) const { return live_[std::size_t(i)].decoded.symbols.back(); }

  // One more symbol for every hypothesis. `log_probability`: [size()][symbols], of what may come next.
  void advance(const double* log_probability, Index symbols);
  // The best first.
  const std::vector<Decoded>& result() const { return ended_; }

 private:
  struct Hypothesis {
    Decoded decoded;
    Index parent = 0;
  };
  double score(const Decoded& decoded) const;
  void rank();
  bool can_improve() const;

  DecodeOptions options_;
  std::optional<Index> end_;
  std::vector<Hypothesis> live_;
  std::vector<Decoded> ended_;  // the best so far; when nothing goes on, also those that have not ended
};

}  // namespace recurra
