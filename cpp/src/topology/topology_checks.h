// What a Topology refuses; the errors begin with the name of the class.
#pragma once

#include <stdexcept>
#include <string>

#include "../math/isa.h"

namespace recurra {

inline void check_entry(const std::string& type, const char* name, std::size_t i, Index value, Index least, Index most) {
  if (value < least || value > most)
    throw std::invalid_argument(type + ": " + name + "[" + std::to_string(i) + "] is " + std::to_string(value) + ", expected " +
                                std::to_string(least) + " .. " + std::to_string(most));
}

inline void check_count(const std::string& type, const char* name, std::size_t count, std::size_t expected) {
  if (count != expected)
    throw std::invalid_argument(type + ": " + name + " has " + std::to_string(count) + " values, expected " +
                                std::to_string(expected));
}

}  // namespace recurra
