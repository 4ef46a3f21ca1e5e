// What a learner is asked for: whether it can be, and what it needs.
#pragma once

#include "row_rule.h"

namespace recurra {

// Everything that a file must have in common with the learner that reads it.
std::string describe(const OnlineOptions& options);

// Throws std::invalid_argument for options out of range and for what the rule does not admit.
template <class T>
RulePlan checked_plan(const BasicNetwork<T>& network, const OnlineOptions& options);
// Throws std::length_error if a plan needs more than this, or, where it is 0, than the machine has.
void check_memory(const std::string& function, const RulePlan& plan, std::uint64_t max_bytes);
// Both.
template <class T>
RulePlan affordable_plan(const BasicNetwork<T>& network, const OnlineOptions& options);

}  // namespace recurra
