#include "recurra/footprint.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "../learning/bptt.h"
#include "../learning/checks.h"
#include "../learning/shards.h"
#include "traffic.h"

namespace recurra {

namespace {

// Of one shard: what the way forward keeps, and what the way back adds.
struct Bytes {
  double forward = 0, backward = 0;
  Bytes& operator+=(Bytes more) {
    forward += more.forward;
    backward += more.backward;
    return *this;
  }
  friend Bytes operator*(double factor, Bytes bytes) { return {factor * bytes.forward, factor * bytes.backward}; }
};

// With the shard's list of which step each node is.
template <class T>
Bytes both_ways(Workspace<T>& workspace, const auto& prepare) {
  prepare(false);
  const double forward = double(workspace.bytes());
  prepare(true);
  const double steps = double(sizeof(Step)) * double(workspace.schedule().num_nodes() + workspace.output_schedule().num_nodes());
  return {forward + steps, double(workspace.bytes()) - forward};
}

// Sequences that are all as long: rows, time, target time.
using Shape = std::array<Index, 3>;

template <class T>
Bytes exactly(const Model<T>& model, const Shape& shape) {
  const auto [rows, time, target_time] = shape;
  Workspace<T> workspace(model);
  workspace.go_back_once();
  if (model.decodes()) {
    std::vector<Index> order;
    for (Index i = 0; i < rows; ++i) order.push_back(i);
    workspace.decode(Schedule::sequences(rows, target_time), std::move(order));
  }
  return both_ways(workspace, [&](bool backward) { workspace.prepare(Schedule::sequences(rows, time), backward); });
}

// Everything in a tape has so many elements for each row, or step, or pair of steps: along each axis it grows in a straight line,
// which two points give.
template <class T>
Bytes along_lines(const Model<T>& model, Shape shape, std::size_t axis = 0) {
  constexpr Shape small{8, 64, 64};
  if (axis == shape.size()) return exactly(model, shape);
  const Index size = shape[axis], high = small[axis], low = high / 2;
  if (size <= high) return along_lines(model, shape, axis + 1);
  const auto at = [&](Index value) {
    shape[axis] = value;
    return along_lines(model, shape, axis + 1);
  };
  const double way = double(size - low) / double(high - low);
  Bytes bytes = way * at(high);
  bytes += (1 - way) * at(low);
  return bytes;
}

// A thread takes its parts one behind the other in the same memory, which becomes as large as the largest asks for. Adds what all
// of them move.
template <class T>
Bytes over_topology(const Model<T>& model, const Sequences<T>& x, const std::vector<std::vector<Index>>& parts, int threads,
                    Footprint& result) {
  Bytes sum;
  for (int t = 0; t < threads; ++t) {
    Bytes most;
    for (std::size_t i = std::size_t(t); i < parts.size(); i += std::size_t(threads)) {
      Workspace<T> workspace(model);  // of its own: one that went back before has cotangents
      workspace.go_back_once();
      const auto topology = topology_of(x, parts[i]);
      const Bytes one = both_ways(workspace, [&](bool backward) { workspace.prepare(topology, backward); });
      most = {std::max(most.forward, one.forward), std::max(most.backward, one.backward)};
      const PartLevels levels = topology_levels(*topology);
      result.traffic += weight_traffic(model, levels) + one.forward;
      result.steps += levels.steps;
    }
    sum += most;
  }
  return sum;
}

}  // namespace

template <class T>
Footprint training_footprint(const BasicNetwork<T>& network, const Sequences<T>& shape, const Optimizer& optimizer, Index window,
                             Index segment) {
  const Model<T>& model = *network.model();
  check_topology("training_footprint", model, shape, false, window);
  check_segment("training_footprint", model, shape, segment);
  if (window < 0 || (window > 0 && window < shape.time && (model.pools() || model.looks_ahead())))
    throw std::invalid_argument("training_footprint: window is " + std::to_string(window) + ", expected at least 1" +
                                (window > 0 ? ", of a network that neither pools nor looks ahead" : ""));
  if (shape.batch < 1 || shape.time < 1 || (model.decodes() && shape.target_time < 1))
    throw std::invalid_argument("training_footprint: the batch is empty, expected sequences with steps");
  const double number = sizeof(T), parameters = double(network.flat().size());
  Sequences<T> x = shape;
  if (window > 0) x.time = std::min(window, x.time);

  Footprint result;
  const Extent steps = extent(x, x.time, segment);
  const Split chosen = split(x, steps, Index(network.flat().size()), step_memory(model));
  result.threads = chosen.threads;
  result.rounds = double(chosen.parts) / chosen.threads;
  ModelWeights<T> weights(model, nullptr, true);
  weights.refresh(model, network.flat().data());
  for (std::size_t i = 0; i < model.layers.size(); ++i) result.weights += double(weights[i].bytes());
  const auto parts = split_rows(x, chosen.parts);
  Bytes bytes;
  if (x.topology) {
    bytes = over_topology(model, x, parts, result.threads, result);
  } else {  // the first part of each thread is its largest
    for (int t = 0; t < result.threads; ++t) {
      const Index rows = Index(parts[std::size_t(t)].size());
      bytes += along_lines(model, {rows, steps.at_once, x.target_time});
      if (steps.at_once < steps.pass)  // the states between the segments
        bytes.forward += number * double(rows * model.state_offset.back()) * (double(steps.pass / steps.at_once) + 2);
    }
    for (const std::vector<Index>& part : parts) {
      const PartLevels levels = sequence_levels(double(part.size()), double(shape.time), double(shape.target_time));
      result.traffic += weight_traffic(model, levels);
      result.steps += levels.steps;
    }
    result.traffic += bytes.forward * result.rounds * double(shape.time) / double(steps.at_once);
  }
  result.activations = bytes.forward;
  result.cotangents = bytes.backward;
  result.gradients = number * parameters * result.threads;
  result.optimizer = number * parameters * double(BasicOptimizer<T>(optimizer, 1).state().vectors.size());
  return result;
}

#define RECURRA_INSTANTIATE(T) \
  template Footprint training_footprint(const BasicNetwork<T>&, const Sequences<T>&, const Optimizer&, Index, Index);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
