// Where arrays lie in a safetensors file: the sizes of dtypes and shapes, and the rules that offsets follow.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "safetensors.h"

namespace recurra {

constexpr std::size_t length_bytes = 8;
constexpr std::uint64_t max_header = 100'000'000;  // the limit of the reference implementation
constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t max_rank = 64;  // as in NumPy; bounds the memory of a hostile shape
constexpr const char* metadata_key = "__metadata__";

// 0 for a dtype that is not known.
std::uint64_t item_size(std::string_view dtype);

// Bytes of an array; none where they, or the product of its non-zero dimensions, pass 2^63 - 1.
// A zero does not hide an overflow: who multiplies in another order would meet it.
std::optional<std::uint64_t> byte_size(const std::string& dtype, const std::vector<std::int64_t>& shape);

// Every tensor has the offsets of its shape, and together they cover the data exactly: no hole, no overlap, nothing behind.
// Throws std::runtime_error.
void check_layout(const Safetensors& file, const std::string& source);

}  // namespace recurra
