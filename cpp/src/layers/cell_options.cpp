#include "cell_options.h"

#include "cell_layout.h"
#include "option_reader.h"

namespace recurra {

namespace {

constexpr Index most_heads = 4096;  // each is a product of its own, and takes memory before a file's sizes are checked

const std::set<std::string>& layer_options() {
  static const std::set<std::string> names{
      "input_size", "hidden_size",       "output_size", "layer_norm", "learned_initial_state",
      "projection", "recurrent_dropout", "heads",       "zoneout"};
  return names;
}

// Options that are numbers belong to the layer; those that choose a variant are words, flags or counts.
bool chooses_variant(const std::string& name, const OptionValue& value) {
  return !layer_options().count(name) && !std::holds_alternative<double>(value);
}

bool feeds(const CellInfo& info, From source) {
  for (int k = 0; k < info.num_gates; ++k)
    if (info.gates[k].recurrent == source) return true;
  return false;
}

void read_zoneout(OptionReader& options, const CellInfo& info, CellOptions& result) {
  const std::vector<std::string> names = split_names(info.state_names, info.num_states, "s");
  result.zoneout.assign(std::size_t(info.num_states), 0.0);
  const double everywhere = options.probability("zoneout");
  for (int s = 0; s < info.num_states; ++s) {
    if ((info.carried & ~info.bound_states) >> s & 1) result.zoneout[std::size_t(s)] = everywhere;
    const std::string &state = names[std::size_t(s)], name = "zoneout_" + state;
    if (options.has(name)) result.zoneout[std::size_t(s)] = options.probability(name);
    if (s == 0 && result.projection > 0 && result.zoneout[0] > 0)
      options.fail("has zoneout of " + state + " and a projection, expected one of them: what is carried is the projection");
    if (!options.has(name)) continue;
    if (!(info.carried >> s & 1)) options.fail("has " + name + ", but its " + state + " is not carried from step to step");
    if (info.bound_states >> s & 1)
      options.fail("has " + name + ", but its " + state + " has a meaning only together with other states");
  }
}

void check(const OptionReader& options, const CellInfo& info, const CellOptions& o) {
  const bool fed = feeds(info, From::feed);
  if (o.projection > 0) {
    if (!fed || info.feeds != 1 || info.outputs != 1)
      options.fail("has a projection, but its cell does not feed its one output back through R; put a Linear on top");
    if (info.read_by_edge & 1) options.fail("has a projection, but its cell also carries its output past R");
  }
  if (o.heads > 1) {
    if (o.heads > most_heads)
      options.fail("has heads = " + std::to_string(o.heads) + ", expected at most " + std::to_string(most_heads));
    if (!fed || info.feeds != 1) options.fail("has heads, but its cell does not feed one state back through R");
    if (o.projection > 0) options.fail("has heads and a projection, expected one of them");
    if (o.hidden_size % o.heads != 0)
      options.fail("has heads = " + std::to_string(o.heads) +
                   ", expected a divisor of hidden_size = " + std::to_string(o.hidden_size));
  }
  if (o.recurrent_dropout > 0) {
    if (!fed) options.fail("has recurrent_dropout, but its cell does not feed a state back through R");
    if (feeds(info, From::message))
      options.fail(
          "has recurrent_dropout, but its cell's R also multiplies a message, which a mask of the fed state does not reach");
  }
  if (o.output_size > 0 && o.projection > 0) options.fail("has output_size and a projection, expected one of them");
  const Index outputs = o.projection > 0 ? o.projection : info.outputs * o.hidden_size;
  if (o.output_size > outputs)
    options.fail("has output_size = " + std::to_string(o.output_size) + ", expected at most " + std::to_string(outputs));
}

}  // namespace

std::string cell_variant(const LayerSpec& spec) {
  LayerSpec variant{spec.type == "FullyRecurrent" ? "Elman" : spec.type, {}};
  for (const auto& [name, value] : spec.options)
    if (chooses_variant(name, value)) variant.options[name] = value;
  return variant.options.empty() ? variant.type : to_string(variant);
}

CellOptions cell_options(const LayerSpec& spec, const CellInfo& info, const std::string& where) {
  OptionReader options(spec, where);
  CellOptions result;
  result.input_size = options.size("input_size");
  result.hidden_size = options.size("hidden_size");
  result.output_size = options.size("output_size", 0);
  result.projection = options.size("projection", 0);
  options.check_product({result.input_size, result.hidden_size, Index(max_gates)});
  options.check_product({result.hidden_size, result.hidden_size, Index(max_gates)});
  if (result.projection > 0) options.check_product({result.hidden_size, result.projection, Index(max_gates)});
  if (spec.type == "FullyRecurrent" && result.output_size == 0)
    options.fail("lacks the option 'output_size', expected an integer");
  result.layer_norm = options.flag("layer_norm");
  result.learned_initial_state = options.flag("learned_initial_state");
  result.heads = options.size("heads", 1);
  result.recurrent_dropout = options.probability("recurrent_dropout");
  read_zoneout(options, info, result);
  const std::vector<std::string> params = split_names(info.param_names, info.num_params, "u");
  for (int k = info.num_params - info.num_constants; k < info.num_params; ++k) {
    const double value = options.number(params[std::size_t(k)]);
    if (!(value > 0 && value <= info.most_constant)) {
      const std::string& name = params[std::size_t(k)];
      options.fail("has " + name + " = " + std::to_string(value) + ", expected 0 < " + name +
                   " <= " + std::to_string(info.most_constant));
    }
    result.constants.push_back(value);
  }
  for (const auto& [name, value] : spec.options)
    if (chooses_variant(name, value)) options.use(name);
  options.check_all_used();
  options.check_no_children();
  check(options, info, result);
  return result;
}

}  // namespace recurra
