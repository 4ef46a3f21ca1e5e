// What a model file must look like, read a second time: independently of the library, from its bytes alone.
#pragma once

#include <string>
#include <string_view>

#include "recurra/model_file.h"

namespace fuzz {

// Empty where the network is exactly what these bytes describe, and where saving it loses nothing; else what differs.
std::string difference(std::string_view bytes, const recurra::AnyNetwork& network);

// Empty where an error is as documented: it names the source, is short and printable; else what is wrong with it.
std::string bad_message(const std::exception& error);

}  // namespace fuzz
