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

template <class T>
void Beam::advance(const T* log_probability, Index symbols) {
  std::vector<Candidate> candidates;
  for (Index parent = 0; parent < size(); ++parent)
    for (Index symbol = 0; symbol < symbols; ++symbol)
      candidates.push_back(
          {live_[std::size_t(parent)].decoded.log_probability + double(log_probability[parent * symbols + symbol]), parent,
           symbol});
  const std::size_t kept = std::min(candidates.size(), std::size_t(options_.beam));
  std::partial_sort(candidates.begin(), candidates.begin() + std::ptrdiff_t(kept), candidates.end(), before);
  std::vector<Hypothesis> next;
  Index length = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    const Candidate& c = candidates[i];
    Decoded decoded = live_[std::size_t(c.parent)].decoded;
    decoded.log_probability = c.log_probability;
    if (end_ && c.symbol == *end_) {
      decoded.ended = true;
      ended_.push_back(std::move(decoded));
      continue;
    }
    decoded.symbols.push_back(c.symbol);
    length = Index(decoded.symbols.size());
    next.push_back({std::move(decoded), c.parent});
  }
  live_ = std::move(next);
  if (length < options_.max_length && Index(ended_.size()) < options_.beam) return;
  if (Index(ended_.size()) < options_.beam)
    for (Hypothesis& h : live_) ended_.push_back(std::move(h.decoded));
  live_.clear();
}

std::vector<Decoded> Beam::finish() {
  for (Decoded& decoded : ended_) decoded.score = score(decoded);
  std::stable_sort(ended_.begin(), ended_.end(),
                   [](const Decoded& a, const Decoded& b) { return a.ended != b.ended ? a.ended : a.score > b.score; });
  if (Index(ended_.size()) > options_.beam) ended_.resize(std::size_t(options_.beam));
  return std::move(ended_);
}

template void Beam::advance(const float*, Index);
template void Beam::advance(const double*, Index);

}  // namespace recurra
