// Plans and rows of the rules that learn layer by layer.
#pragma once

#include "layerwise.h"

namespace recurra {

// What they have in common; the report's exact: nothing is dropped.
template <class T>
RulePlan plan_layerwise(const Model<T>& model, const OnlineOptions& options);

// Exact RTRL of each layer with a state and parameters in itself.
template <class T>
RulePlan plan_layer_rtrl(const Model<T>& model, const OnlineOptions& options, const Rtrl& rule);
template <class T>
RowRules<T> make_layer_rtrl(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options,
                            const Rtrl& rule);

// Whether traces are exact: the states depend on the parameters of one cell layer alone, whose units are fed no states of others.
template <class T>
bool is_diagonal(const Model<T>& model);
template <class T>
RulePlan plan_diagonal(const Model<T>& model, const OnlineOptions& options);
template <class T>
RowRules<T> make_diagonal(const Model<T>& model, const WeightHistory<T>& history, const OnlineOptions& options);

}  // namespace recurra
