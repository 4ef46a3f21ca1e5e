// Where a gradient can differ from 0: in all of most parameters, in the rows of an embedding that a batch reads, and in the rows
// of a readout that samples of classes, or the classes wanted, have.
#pragma once

#include "bptt.h"

namespace recurra {

// Of a pass, before tied parameters are summed up.
template <class T>
Ranges gradient_ranges(const Model<T>& model, const Pass<T>& pass);

}  // namespace recurra
