#include "beam.h"

#include <algorithm>
#include <cmath>

namespace recurra {

namespace {

struct Candidate {
  double log_probability;
  Index parent, symbol;
};

// Equal ones in the order of their places: the result does not depend on the sort.
bool before(const Candidate& a, const Candidate& b) {
  if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
  return a.parent != b.parent ? a.parent < b.parent : a.symbol < b.symbol;
}

}  // namespace

Beam::Beam(const DecodeOptions& options, std::optional<Index> end) : options_(options), end_(end), live_(1) {}

double Beam::score(const Decoded& decoded) const {
  const double length = double(decoded.symbols.size() + decoded.ended);
  return length > 0 ? decoded.log_probability / std::pow(length, options_.length_power) : 0;
}

void Beam::advance(const double* log_probability, Index symbols) {
  std::vector<Candidate> candidates;
  for (Index parent = 0; parent < size(); ++parent)
    for (Index symbol = 0; symbol < symbols; ++symbol)
      candidates.push_back(
          {live_[std::size_t(parent)].decoded.log_probability + log_probability[parent * symbols + symbol], parent, symbol});
  // Each live one can end once, so twice the beam holds enough that go on. Greedy search takes the likeliest, whatever it is.
  const std::size_t beam = std::size_t(options_.beam);
  const std::size_t considered = std::min(candidates.size(), beam == 1 ? 1 : 2 * beam);
  std::partial_sort(candidates.begin(), candidates.begin() + std::ptrdiff_t(considered), candidates.end(), before);
  std::vector<Hypothesis> next;
  for (std::size_t i = 0; i < considered && next.size() < beam; ++i) {
    const Candidate& c = candidates[i];
    Decoded decoded = live_[std::size_t(c.parent)].decoded;
    decoded.log_probability = c.log_probability;
    decoded.ended = end_ && c.symbol == *end_;
    if (!decoded.ended) decoded.symbols.push_back(c.symbol);
    decoded.score = score(decoded);
    if (decoded.ended)
      ended_.push_back(std::move(decoded));
    else
      next.push_back({std::move(decoded), c.parent});
  }
  live_ = std::move(next);
  rank();
  if (live_.empty() || (Index(live_.front().decoded.symbols.size()) < options_.max_length && can_improve())) return;
  for (Hypothesis& h : live_) ended_.push_back(std::move(h.decoded));
  live_.clear();
  rank();
}

// The best `beam`, those that have ended before those that have not.
void Beam::rank() {
  std::stable_sort(ended_.begin(), ended_.end(),
                   [](const Decoded& a, const Decoded& b) { return a.ended != b.ended ? a.ended : a.score > b.score; });
  if (Index(ended_.size()) > options_.beam) ended_.resize(std::size_t(options_.beam));
}

// Whether a live hypothesis could still end with a better score than the last of those that are kept. Its log probability can
// only fall; the length that would serve it best is the least or the greatest.
bool Beam::can_improve() const {
  if (Index(ended_.size()) < options_.beam) return true;
  const Decoded& best = live_.front().decoded;  // candidates came in order
  const auto bound = [&](Index length) { return best.log_probability / std::pow(double(length), options_.length_power); };
  return std::max(bound(Index(best.symbols.size()) + 1), bound(options_.max_length)) > ended_.back().score;
}

}  // namespace recurra
