#include "test_cells.h"

#include <recurra_cells/diagonal_lstm.h>
#include <recurra_cells/residual.h>

#include <sstream>
#include <stdexcept>

#include "backends/select.h"
#include "layers/cell_layout.h"
#include "recurra/cell_registry.h"

namespace {

using namespace recurra;

OptionValue parse(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  if (text.find_first_not_of("0123456789") == std::string::npos) return std::int64_t(std::stoll(text));
  return text;
}

void add_stage(LayerSpec& spec, const std::string& stage, const CellInfo& info) {
  if (stage == "projection") spec.options[stage] = (std::get<std::int64_t>(spec.options.at("hidden_size")) + 1) / 2;
  if (stage == "heads") spec.options[stage] = std::int64_t(2);
  if (stage == "layer_norm" || stage == "learned_initial_state") spec.options[stage] = true;
  if (stage == "recurrent_dropout") spec.options[stage] = 0.2;
  if (stage != "zoneout") return;
  const std::vector<std::string> names = split_names(info.state_names, info.num_states, "s");
  for (int s = 0; s < info.num_states; ++s) {
    const bool possible = (info.carried & ~info.bound_states) >> s & 1;
    if (possible && !(s == 0 && spec.options.count("projection"))) spec.options["zoneout_" + names[std::size_t(s)]] = 0.3;
  }
}

bool admits(const std::string& cell, const std::string& stages) {
  const std::string name = cell + stages;
  const LayerSpec spec = cell_layer(name, 3, 6), plain = cell_layer(cell, 3, 6);
  if (spec == plain) return false;  // nothing to zone out
  try {
    cell_options(spec, find_cell(cell_variant(spec))->info, "");
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

}  // namespace

void register_test_cells() {
  recurra::register_diagonal_lstm();
  recurra::register_residual();
}

std::vector<std::string> all_cells() { return recurra::cell_names(); }

#ifdef __SANITIZE_ADDRESS__
constexpr bool each_alone = false;  // all together touch the same memory; the sanitizers are slow
#else
constexpr bool each_alone = true;
#endif

std::vector<std::string> all_layers() {
  std::vector<std::string> names;
  for (const std::string& cell : all_cells()) {
    names.push_back(cell);
    // All together, once with a projection and once with heads: they exclude each other.
    for (const std::string without : {"heads", "projection"}) {
      std::string together;
      for (const std::string stage :
           {"layer_norm", "learned_initial_state", "recurrent_dropout", "projection", "heads", "zoneout"}) {
        const std::string suffix = " + " + stage;
        if (each_alone && without == "heads" && admits(cell, suffix)) names.push_back(cell + suffix);
        if (stage != without && admits(cell, together + suffix)) together += suffix;
      }
      if (together.find(" + ", 1) != std::string::npos && names.back() != cell + together) names.push_back(cell + together);
    }
  }
  return names;
}

recurra::LayerSpec cell_layer(const std::string& cell, std::int64_t input_size, std::int64_t hidden_size) {
  // "LSTM(coupled=true, peephole=current) + zoneout"
  const std::size_t end = cell.find(" + "), open = cell.find('(');
  const std::string name = cell.substr(0, end);
  LayerSpec spec = layers::cell(name.substr(0, open), input_size, hidden_size);
  if (open != std::string::npos) {
    std::istringstream options(name.substr(open + 1, name.size() - open - 2));
    for (std::string option; std::getline(options >> std::ws, option, ',');) {
      const std::size_t equals = option.find('=');
      spec.options[option.substr(0, equals)] = parse(option.substr(equals + 1));
    }
  }
  const CellInfo& info = find_cell(cell_variant(spec))->info;
  const std::vector<std::string> params = split_names(info.param_names, info.num_params, "u");
  for (int k = info.num_params - info.num_constants; k < info.num_params; ++k) spec.options[params[std::size_t(k)]] = 0.3;
  for (std::size_t at = end; at != std::string::npos;) {
    const std::size_t next = cell.find(" + ", at + 3);
    add_stage(spec, cell.substr(at + 3, next == std::string::npos ? next : next - at - 3), info);
    at = next;
  }
  return spec;
}

std::int64_t output_size(const std::string& cell, std::int64_t hidden_size) {
  const LayerSpec spec = cell_layer(cell, 1, hidden_size);
  const CellInfo& info = find_cell(cell_variant(spec))->info;
  return CellLayout(info, cell_options(spec, info, "")).output_width;
}
