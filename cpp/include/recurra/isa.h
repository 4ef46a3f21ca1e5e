// The instruction set the kernels use, chosen once at run time: the widest this machine has, or RECURRA_ISA's.
#pragma once

#include <string>
#include <vector>

namespace recurra {

// The one in use. Throws std::runtime_error if RECURRA_ISA names an unknown or unsupported one.
std::string isa();
// Those compiled in that this machine can run: some of "baseline", "avx2", "avx512".
std::vector<std::string> available_isas();

}  // namespace recurra
