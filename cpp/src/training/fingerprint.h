// A 64-bit hash of a data set, to tell whether a resumed run sees the data it began with.
#pragma once

#include "recurra/fit.h"

namespace recurra {

// Of the shape, the lengths, and every valid input and target; what lies behind a sequence's end is not looked at. The longest
// time counts, since the engine splits its work by it.
template <class T>
std::uint64_t fingerprint(const BasicNetwork<T>& network, const Data<T>& data, const Loss& loss);

}  // namespace recurra
