// Sets of places in a flat vector.
#pragma once

#include <algorithm>
#include <span>

#include "recurra/ranges.h"

namespace recurra {

// The union of ranges in any order.
inline Ranges united(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::begin);
  Ranges result;
  for (const Range& range : ranges) {
    if (range.begin >= range.end) continue;
    if (!result.empty() && range.begin <= result.back().end)
      result.back().end = std::max(result.back().end, range.end);
    else
      result.push_back(range);
  }
  return result;
}

// Calls visit(begin, end) for each part of `range` that lies in the ranges.
template <class Visit>
void for_each_common(std::span<const Range> ranges, const Range& range, const Visit& visit) {
  auto at = std::ranges::upper_bound(ranges, range.begin, {}, &Range::end);
  for (; at != ranges.end() && at->begin < range.end; ++at) visit(std::max(at->begin, range.begin), std::min(at->end, range.end));
}

}  // namespace recurra
