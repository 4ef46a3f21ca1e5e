// How a stream keeps the weights that it multiplies by.
#pragma once

namespace recurra {

// As they are; rounded to bfloat16 (8 bits of precision, the range of float); in a byte, with one scale for each row of a matrix
// (its largest magnitude / 127); steps of one row then also round what they multiply, to 1 / 65024 of its largest.
enum class WeightFormat { full, bfloat16, int8 };

}  // namespace recurra
