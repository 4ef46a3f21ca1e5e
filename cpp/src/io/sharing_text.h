// What is tied and what rests, as text: "0.weight = 2.weight, 1.weight_hh = 3.weight_hh", the first of a group first; and
// "0.weight, 2.weight". Nothing: no text.
#pragma once

#include <string>

#include "../network/shared_parameters.h"

namespace recurra {

std::string tied_text(const SharedParameters& shared);
std::string frozen_text(const SharedParameters& shared);
// Throws std::invalid_argument unless these are the texts of something that these parameters admit.
SharedParameters sharing_from_text(const std::vector<Parameter>& parameters, const std::string& tied, const std::string& frozen);

}  // namespace recurra
