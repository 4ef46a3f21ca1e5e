// What a learner is asked for: whether it can be, and what it needs.
#pragma once

#include "row_rule.h"

namespace recurra {

// Everything that a file must have in common with the learner that reads it.
std::string describe(const OnlineOptions& options);

// Throws std::invalid_argument for options out of range and for what the rule does not admit.
template <class T>
RulePlan checked_plan(const BasicNetwork<T>& network, const OnlineOptions& options);
// The same; throws std::length_error if it needs more than max_bytes, or than the machine has.
template <class T>
RulePlan affordable_plan(const BasicNetwork<T>& network, const OnlineOptions& options);

}  // namespace recurra
