#include "cell_layout.h"

#include <cmath>
#include <sstream>

namespace recurra {

std::vector<std::string> split_names(const char* names, int count, const char* otherwise) {
  std::istringstream words{names};
  std::vector<std::string> result;
  for (std::string word; words >> word;) result.push_back(word);
  for (int k = int(result.size()); k < count; ++k) result.push_back(otherwise + std::to_string(k));
  return result;
}

namespace {

// The gates that satisfy `has`, joined where they are adjacent: their blocks follow one another in the matrix.
template <class Has>
std::vector<GateRun> runs(const CellInfo& info, Index units, const Has& has) {
  std::vector<GateRun> result;
  Index row = 0;
  for (int k = 0; k < info.num_gates; ++k) {
    if (!has(info.gates[k])) continue;
    if (!result.empty() && result.back().column + result.back().width == k * units)
      result.back().width += units;
    else
      result.push_back({k * units, row, units});
    row += units;
  }
  return result;
}

std::vector<GateProduct> gates_from(const CellInfo& info, Index units, From source) {
  std::vector<GateProduct> result;
  for (int k = 0; k < info.num_gates; ++k)
    if (info.gates[k].recurrent == source)
      result.push_back({k * units, Index(result.size()) * units, info.gates[k].slot * units});
  return result;
}

Index total(const std::vector<GateRun>& runs) {
  Index width = 0;
  for (const GateRun& run : runs) width += run.width;
  return width;
}

}  // namespace

CellLayout::CellLayout(const CellInfo& cell, Index inputs, Index units) : info(cell), input_size(inputs), hidden_size(units) {
  a_width = info.num_gates * units;
  da_width = (info.num_gates + info.num_params) * units;
  state_width = info.num_states * units;
  message_width = info.num_messages * units;
  feed_width = info.feeds * units;
  output_width = info.outputs * units;
  edge_width = 0;
  for (int k = 0; k < info.num_gates; ++k)
    if (info.gates[k].stage == Stage::edge) edge_width += units;

  input_runs = runs(info, units, [](const Gate& gate) { return gate.input; });
  feed_runs = runs(info, units, [](const Gate& gate) { return gate.recurrent == From::feed; });
  bias_runs = runs(info, units, [](const Gate& gate) { return gate.bias; });
  message_gates = gates_from(info, units, From::message);
  state_gates = gates_from(info, units, From::state);
  for (int s = 0; s < info.num_states; ++s)
    if (info.carried >> s & 1) carried.push_back(s);

  const double scale = 1 / std::sqrt(double(units));
  const auto add = [&](const std::string& name, std::vector<Index> shape) {
    const Index offset = num_parameters;
    parameters.push_back({name, std::move(shape), ParameterSpec::Initial::uniform, scale});
    num_parameters += parameters.back().size();
    return offset;
  };
  if (!input_runs.empty()) weight_ih = add("weight_ih", {total(input_runs), inputs});
  if (!feed_runs.empty()) weight_hh = add("weight_hh", {total(feed_runs), feed_width});
  if (!message_gates.empty()) weight_mh = add("weight_mh", {Index(message_gates.size()) * units, units});
  if (!state_gates.empty()) weight_sh = add("weight_sh", {Index(state_gates.size()) * units, units});
  if (!bias_runs.empty()) bias = add("bias", {total(bias_runs)});
  unit = num_parameters;
  for (const std::string& name : split_names(info.param_names, info.num_params, "u")) add(name, {units});
}

}  // namespace recurra
