#include "cell_layout.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace recurra {

std::vector<std::string> split_names(const char* names, int count, const char* otherwise) {
  std::istringstream words{names};
  std::vector<std::string> result;
  for (std::string word; int(result.size()) < count && words >> word;) result.push_back(word);
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

Index total(const std::vector<GateRun>& runs) {
  Index width = 0;
  for (const GateRun& run : runs) width += run.width;
  return width;
}

// All gates of a run see the whole source.
GateMatrix dense(std::vector<GateRun> runs, Index columns) {
  GateMatrix matrix;
  for (const GateRun& run : runs) matrix.products.push_back({run.column, run.row, run.width, 0, columns});
  matrix.rows = total(runs);
  matrix.columns = columns;
  matrix.runs = std::move(runs);
  return matrix;
}

// Each head of each gate sees its own part of the source.
GateMatrix block_diagonal(std::vector<GateRun> runs, Index units, Index heads) {
  GateMatrix matrix;
  const Index width = units / heads;
  for (const GateRun& run : runs)
    for (Index at = 0; at < run.width; at += width)
      matrix.products.push_back({run.column + at, run.row + at, width, at % units, width});
  matrix.rows = total(runs);
  matrix.columns = width;
  matrix.runs = std::move(runs);
  return matrix;
}

// Each gate sees the block that its slot names.
GateMatrix by_slot(const CellInfo& info, Index units, From source) {
  GateMatrix matrix;
  matrix.runs = runs(info, units, [&](const Gate& gate) { return gate.recurrent == source; });
  for (int k = 0; k < info.num_gates; ++k)
    if (info.gates[k].recurrent == source) {
      matrix.products.push_back({k * units, matrix.rows, units, info.gates[k].slot * units, units});
      matrix.rows += units;
    }
  matrix.columns = units;
  return matrix;
}

// Adjacent products of the same source are one.
void add_joined(std::vector<GateProduct>& products, const GateProduct& p) {
  GateProduct* last = products.empty() ? nullptr : &products.back();
  const bool adjacent = last && last->column + last->width == p.column && last->row + last->width == p.row;
  if (adjacent && last->source == p.source && last->depth == p.depth)
    last->width += p.width;
  else
    products.push_back(p);
}

Index rank_of_edge_gate(const CellInfo& info, int gate) {
  Index rank = 0;
  for (int k = 0; k < gate; ++k) rank += info.gates[k].stage == Stage::edge;
  return rank;
}

// The rows of R with slots: gate by gate, an edge gate's for each slot of the child that it guards. All read all children.
GateMatrix side_by_side(const CellInfo& info, Index units, Index arity, Index columns) {
  GateMatrix matrix;
  for (int k = 0; k < info.num_gates; ++k)
    if (info.gates[k].recurrent == From::feed)
      for (Index slot = 0; slot < (info.gates[k].stage == Stage::edge ? arity : 1); ++slot, matrix.rows += units)
        matrix.products.push_back({k * units, matrix.rows, units, 0, columns});
  matrix.columns = columns;
  return matrix;
}

// R's products for node gates alone or for edge gates alone; the latter stand side by side, slot by slot.
std::vector<GateProduct> part_of(const GateMatrix& feed, const CellInfo& info, Index units, Index edge_width, Stage stage) {
  std::vector<GateProduct> products;
  int before = -1;
  Index slot = 0;
  for (const GateProduct& p : feed.products)
    for (Index at = 0, part = std::min(p.width, units); at < p.width; at += part) {
      const int k = int((p.column + at) / units);
      const Index within = (p.column + at) % units;
      slot = k == before && within == 0 ? slot + 1 : k == before ? slot : 0;
      before = k;
      if ((info.gates[k].stage == Stage::edge) != (stage == Stage::edge)) continue;
      const Index column = stage == Stage::edge ? slot * edge_width + rank_of_edge_gate(info, k) * units : k * units;
      add_joined(products, {column + within, p.row + at, part, p.source, p.depth});
    }
  return products;
}

}  // namespace

CellLayout::CellLayout(const CellInfo& cell, CellOptions o)
    : info(cell), options(std::move(o)), input_size(options.input_size), hidden_size(options.hidden_size) {
  const Index units = hidden_size;
  a_width = info.num_gates * units;
  da_width = (info.num_gates + info.num_params) * units;
  state_width = info.num_states * units;
  message_width = info.num_messages * units;
  feed_width = projects() ? options.projection : info.feeds * units;
  output_width = options.output_size > 0 ? options.output_size : projects() ? options.projection : info.outputs * units;
  edge_width = 0;
  for (int k = 0; k < info.num_gates; ++k)
    if (info.gates[k].stage == Stage::edge) edge_width += units;
  num_unit_params = info.num_params - info.num_constants;

  const auto fed_runs = runs(info, units, [](const Gate& gate) { return gate.recurrent == From::feed; });
  input = dense(runs(info, units, [](const Gate& gate) { return gate.input; }), input_size);
  source_width = options.arity * feed_width;
  edge_feed_width = options.arity * edge_width;
  feed = options.parents == Parents::by_slot ? side_by_side(info, units, options.arity, source_width)
         : options.heads > 1                 ? block_diagonal(fed_runs, units, options.heads)
                                             : dense(fed_runs, feed_width);
  message = by_slot(info, units, From::message);
  state = by_slot(info, units, From::state);
  bias_runs = runs(info, units, [](const Gate& gate) { return gate.bias; });
  for (int s = 0; s < info.num_states; ++s) {
    if (!options.zoneout.empty() && options.zoneout[std::size_t(s)] > 0) zoned.push_back(s);
    if (info.carried >> s & 1) {
      carried.push_back({s, s == 0 && projects() ? options.projection : units});
      carried_width += carried.back().width;
    }
  }

  using Role = ParameterSpec::Role;
  const double scale = 1 / std::sqrt(double(units));
  const auto add = [&](const std::string& name, std::vector<Index> shape, Role role) {
    const Index offset = num_parameters;
    parameters.push_back({name, std::move(shape), role, scale});
    num_parameters += parameters.back().size();
    return offset;
  };
  const auto add_matrix = [&](GateMatrix& matrix, const std::string& name, Role role) {
    if (matrix.products.empty()) return;
    matrix.offset = add("weight_" + name, {matrix.rows, matrix.columns}, role);
    parameters.back().block = matrix.products.front().width < units ? matrix.columns : units;
  };
  add_matrix(input, "ih", Role::input_weight);
  add_matrix(feed, "hh", Role::recurrent_weight);
  if (runs_over_trees()) {
    node_feed = edge_feed = feed;
    node_feed.products = part_of(feed, info, units, edge_width, Stage::node);
    edge_feed.products = part_of(feed, info, units, edge_width, Stage::edge);
  }
  add_matrix(message, "mh", Role::recurrent_weight);
  add_matrix(state, "sh", Role::recurrent_weight);
  if (!bias_runs.empty()) {
    bias = add("bias", {total(bias_runs)}, Role::bias);
    const auto& gates = info.gates;
    for (int k = 0, row = 0; k < info.num_gates; ++k)
      if (gates[k].bias) {
        if (k == info.forget_gate) parameters.back().forget_gate = {row * units, (row + 1) * units};
        ++row;
      }
  }
  if (options.bilinear) {
    Index columns = 0;
    for (const GateProduct& p : node_feed.products) columns += p.width;
    tensor = add("tensor", {columns, source_width, source_width}, Role::unit);
    parameters.back().scale = 1 / double(source_width);
  }
  unit = num_parameters;
  const std::vector<std::string> unit_names = split_names(info.param_names, info.num_params, "u");
  for (Index k = 0; k < num_unit_params; ++k) {
    add(unit_names[std::size_t(k)], {units}, info.initial ? Role::drawn_by_cell : Role::unit);
    parameters.back().cell_initial = info.initial;
    parameters.back().cell_param = int(k);
  }
  if (projects()) projection = add("weight_hr", {options.projection, units}, Role::input_weight);
  const std::vector<std::string> states = split_names(info.state_names, info.num_states, "s");
  if (options.layer_norm) {
    const auto add_gain = [&](GateMatrix& matrix, const std::string& name) {
      if (!matrix.products.empty()) matrix.gain = add("gain_" + name, {matrix.rows}, Role::gain);
    };
    add_gain(input, "ih");
    add_gain(feed, "hh");
    add_gain(message, "mh");
    add_gain(state, "sh");
    for (int s = 0; s < info.num_states; ++s)
      if (info.read_by_out >> s & 1) {
        const std::string& name = states[std::size_t(s)];
        const Index gain = add("gain_" + name, {units}, Role::gain);
        normalized.push_back({s, gain, add("shift_" + name, {units}, Role::zero)});
      }
  }
  if (options.learned_initial_state)
    for (CarriedState& c : carried)
      if (!(info.bound_states >> c.state & 1)) c.initial = add("initial_" + states[std::size_t(c.state)], {c.width}, Role::zero);
}

}  // namespace recurra
