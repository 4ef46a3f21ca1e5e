#include "bptt.h"

#include <cmath>

#include "../math/random.h"
#include "checks.h"
#include "class_loss.h"
#include "loss.h"
#include "segments.h"

namespace recurra {

template <class T>
Index count_valid(const Model<T>& model, const Sequences<T>& x, Window window) {
  const OutputGrid<T> grid(model, x, window);
  Index count = 0;
  for (Index sequence = 0; sequence < x.batch; ++sequence) count += grid.length(sequence);
  return count;
}

template <class T>
double total_weight(const Model<T>& model, const Sequences<T>& x, const Target<T>& target, const Loss& loss, Window window) {
  const auto* by_class = std::get_if<CrossEntropy>(&loss.settings());
  const bool weighted = by_class && (!by_class->class_weights.empty() || by_class->ignored_class);
  if (!weighted && !target.mask) return double(count_valid(model, x, window));
  const OutputGrid<T> grid(model, x, window);
  double sum = 0;
  for (Index sequence = 0; sequence < x.batch; ++sequence)
    for (Index i = 0; i < grid.length(sequence); ++i) {
      const Index entry = grid.entry(sequence, i);
      if (!target.counts(entry)) continue;
      if (weighted) check_target(model, target, loss, entry, output_place(model, x, sequence, grid.begin() + i));
      sum += weighted ? class_weight(*by_class, target.classes[entry]) : 1;
    }
  return sum;
}

template <class T>
double output_loss(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass) {
  if (shard.workspace.leaves_out_last()) return class_loss(weights, shard, pass);
  const Model<T>& model = shard.workspace.model();
  const Tape<T>& tape = shard.workspace.last();
  const OutputGrid<T> grid(model, pass.x, pass.window);
  const Index width = model.output_size;
  const bool bounded = pass.loss->takes_classes() || pass.loss->kind() == Loss::binary_cross_entropy;
  double sum = 0;
  for (std::size_t node = 0; node < shard.output_steps.size(); ++node) {
    const auto [sequence, number] = shard.output_steps[node];
    const Index entry = grid.entry(sequence, number);
    if (number >= grid.length(sequence) || !pass.target->counts(entry)) continue;  // nothing to pool, or masked
    const T* y = tape.y + Index(node) * tape.y_stride;
    T* dy = pass.gradient ? tape.dy + Index(node) * tape.dy_stride : nullptr;
    const auto check = [&] {
      check_target(model, *pass.target, *pass.loss, entry, output_place(model, pass.x, sequence, grid.begin() + number));
    };
    if (bounded) check();
    const double loss = entry_loss(*pass.loss, y, *pass.target, entry, width, pass.scale, dy);
    if (!bounded && !std::isfinite(loss)) check();  // a target that is not finite shows in the loss
    sum += loss;
  }
  return sum;
}

template <class T>
void begin_shard(Shard<T>& shard, const Pass<T>& pass) {
  Workspace<T>& workspace = shard.workspace;
  workspace.go_back_once();
  shard.output_rows = shard.rows;
  if (workspace.model().decodes()) {
    shard.order = target_order(pass.x, shard.rows);
    std::vector<Index> lengths;
    for (std::size_t i = 0; i < shard.order.size(); ++i) {
      shard.output_rows[i] = shard.rows[std::size_t(shard.order[i])];
      lengths.push_back(pass.x.target_length(shard.output_rows[i]));
    }
    workspace.decode(Schedule::sequences(lengths), shard.order);
  }
  const auto leave_out = [&](Index nodes) {
    const Index outputs = workspace.model().pools() ? Index(shard.rows.size()) : nodes;
    workspace.leave_out_last(scores_apart(workspace.model(), pass, outputs));
  };
  if (pass.x.topology) {
    const auto topology = topology_of(pass.x, shard.rows);
    shard.steps = topology_steps(*topology, shard.rows);
    leave_out(topology->num_nodes());
    workspace.prepare(topology, pass.gradient);
  } else {
    Schedule schedule = Schedule::sequences(window_lengths(pass.x, shard.rows, pass.window));
    leave_out(schedule.num_nodes());
    workspace.prepare(std::move(schedule), pass.gradient);
    shard.steps = chain_steps(workspace.schedule(), shard.rows);
  }
  shard.output_steps = workspace.model().pools() || workspace.model().decodes()
                           ? chain_steps(workspace.output_schedule(), shard.output_rows)
                           : shard.steps;
  shard.nodes.clear();
  if (pass.x.topology && pass.options.training) shard.nodes = node_numbers(pass.x, shard.steps);
  workspace.set_noise({pass.options.training, mix(pass.options.noise, std::uint64_t(pass.window.begin - pass.before)),
                       shard.rows.data(), shard.nodes.data(), pass.before});
  gather_input(pass.x, shard.steps, pass.window, workspace);
  const auto& taught_steps = workspace.model().decodes() ? shard.output_steps : shard.steps;
  const bool taught = gather_teacher(pass.x, pass.target, taught_steps, pass.window, workspace);
  workspace.set_teacher(taught, pass.options.sampling);
}

template <class T>
const T* first_state(const ModelWeights<T>& weights, const Shard<T>& shard, const Pass<T>& pass, Index row) {
  return pass.state ? pass.state->row(shard.rows[std::size_t(row)]).data() : weights.initial_state();
}

template <class T>
void run_shard(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass, const Interrupt& interrupt) {
  shard.last_state.clear();
  Workspace<T>& workspace = shard.workspace;
  if (const Index segment = segment_length(workspace.model(), pass, Index(shard.rows.size())); segment > 0)
    return run_segments(weights, shard, pass, segment, interrupt);
  begin_shard(shard, pass);
  for (Index i = 0; i < workspace.schedule().num_roots(); ++i) workspace.load_state(i, first_state(weights, shard, pass, i));
  const Levels levels = workspace.schedule().all_levels();
  forward(weights, workspace, levels, interrupt);
  if (pass.y) scatter_output(workspace, pass.x, shard.output_rows, shard.output_steps, pass.window, pass.y);
  if (pass.gradient) clear_cotangents(workspace);
  if (pass.target) shard.loss += output_loss(weights, shard, pass);
  if (!pass.gradient) return;
  backward(weights, workspace, levels, interrupt);
  gradient(workspace, levels, {shard.gradient.data()});
  if (!pass.state) initial_gradient(workspace, {shard.gradient.data()});
}

template <class T>
void save_last_state(const Shard<T>& shard, Index row, T* to) {
  const Workspace<T>& workspace = shard.workspace;
  const Index width = workspace.model().state_offset.back();
  if (shard.last_state.empty())
    workspace.save_state(workspace.schedule().length(row), row, to);
  else
    std::copy_n(shard.last_state.begin() + row * width, width, to);
}

#define RECURRA_INSTANTIATE(T)                                                                               \
  template Index count_valid(const Model<T>&, const Sequences<T>&, Window);                                  \
  template double total_weight(const Model<T>&, const Sequences<T>&, const Target<T>&, const Loss&, Window); \
  template void begin_shard(Shard<T>&, const Pass<T>&);                                                      \
  template const T* first_state(const ModelWeights<T>&, const Shard<T>&, const Pass<T>&, Index);             \
  template double output_loss(const ModelWeights<T>&, Shard<T>&, const Pass<T>&);                            \
  template void run_shard(const ModelWeights<T>&, Shard<T>&, const Pass<T>&, const Interrupt&);              \
  template void save_last_state(const Shard<T>&, Index, T*);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
