// Settings as text, complete and exact: equal texts are equal settings.
#pragma once

#include <optional>
#include <string>

#include "recurra/early_stopping.h"
#include "recurra/loss.h"
#include "recurra/optimizer.h"
#include "recurra/rate_schedule.h"

namespace recurra {

// The shortest text that reads back as the same number.
std::string number_text(double value);
// Sixteen digits.
std::string hexadecimal(std::uint64_t value);

// "Adam(learning_rate=0.001, ...)"
std::string describe(const Loss& loss);
std::string describe(const Optimizer& optimizer);
std::string describe(const RateSchedule& schedule);
std::string describe(const std::optional<EarlyStopping>& settings);

}  // namespace recurra
