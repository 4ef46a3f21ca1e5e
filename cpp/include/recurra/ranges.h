// Parts of a flat vector.
#pragma once

#include <cstddef>
#include <vector>

namespace recurra {

struct Range {
  std::ptrdiff_t begin, end;
  bool operator==(const Range&) const = default;
};

// Ascending, none of them empty, none touching the next one.
using Ranges = std::vector<Range>;

}  // namespace recurra
