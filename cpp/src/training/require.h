// Checks of settings: errors that name the setting's owner, the setting, what it is and what is expected.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

namespace recurra {

inline void require(bool condition, const std::string& owner, const std::string& name, double value,
                    const std::string& expected) {
  if (!condition) throw std::invalid_argument(owner + ": " + name + " is " + std::to_string(value) + ", expected " + expected);
}

inline void require_fraction(const std::string& owner, const std::string& name, double value) {
  require(value >= 0 && value < 1, owner, name, value, "0 <= " + name + " < 1");
}

inline void require_amount(const std::string& owner, const std::string& name, double value) {
  require(value >= 0 && std::isfinite(value), owner, name, value, "a finite number >= 0");
}

// What stands below a fraction bar must not vanish in the network's dtype.
template <class T>
void require_divisor(const std::string& owner, const std::string& name, double value) {
  require(value > 0 && std::isfinite(value) && T(value) > T(0), owner, name, value, "a finite number > 0 in the network's dtype");
}

}  // namespace recurra
