// Which states of an encoder become which states of a decoder.
#pragma once

#include <vector>

#include "layer.h"

namespace recurra {

// `width` elements from `from` on become those from `to` on.
struct StateCopy {
  Index from, to, width;
};

// The states of both match one to one if, in their order, they have the same names within their layers ("h") and widths. The
// two directions of a bidirectional layer count as one state with both beside each other. Empty: they do not match.
std::vector<StateCopy> match_states(const std::vector<StateSpec>& encoder, const std::vector<StateSpec>& decoder);

// "1.h of 128, 1.c of 128"
std::string describe_states(const std::vector<StateSpec>& states);

Index total_width(const std::vector<StateSpec>& states);

}  // namespace recurra
