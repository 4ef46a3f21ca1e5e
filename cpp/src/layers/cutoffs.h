// Where the clusters of an adaptive softmax begin, as the description of a layer writes it: "2000,10000".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace recurra {

std::string cutoffs_to_text(const std::vector<std::int64_t>& cutoffs);
// Nothing for a text that cutoffs_to_text() does not write.
std::optional<std::vector<std::int64_t>> cutoffs_from_text(const std::string& text);
// How many units the projections of so many clusters have: input_size / div_value^(i + 1), rounded down.
std::vector<double> cluster_units(std::int64_t input_size, std::size_t clusters, double div_value);

}  // namespace recurra
