// Products with int8 weights by the instructions that every machine of an instruction set has: compiled for each set.
#include "backends/cpu/row_products.inl"

namespace recurra {
inline namespace RECURRA_ISA {

void use_plain_bytes(RowProducts<float>& products) { products.int8.multiply = multiply_byte_row<PairProducts>; }

}  // namespace RECURRA_ISA
}  // namespace recurra
