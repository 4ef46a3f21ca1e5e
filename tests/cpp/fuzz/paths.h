// Paths that name no model file: folders, pipes, devices.
#pragma once

#include <string>

namespace fuzz {

// Empty where each is refused as documented, without waiting; else what was wrong.
std::string check_paths();

}  // namespace fuzz
