#include "traffic.h"

namespace recurra {

namespace {

constexpr std::size_t at(Per per) { return std::size_t(per); }

// What a step of a layer inside others is for the network, and how often it is done for each.
Pace in_network(const std::vector<Pace>& paces) {
  Pace whole;
  for (auto pace = paces.rbegin(); pace != paces.rend(); ++pace) {
    whole.times *= pace->times;
    if (whole.step == Per::step)
      whole.step = pace->step;
    else if (whole.step == Per::below)
      whole.step = pace->below;
  }
  return whole;
}

// Numbers, not bytes. The paces are those of the layers around it, from outside.
template <class T>
double read_by(const Part<T>& part, std::vector<Pace> paces, const PartLevels& levels) {
  paces.push_back(part.pace);
  double sum = 0;
  const std::vector<Part<T>> inside = part.layer->parts(part.gives_dx);
  for (const Part<T>& one : inside) sum += read_by(one, paces, levels);
  if (!inside.empty()) return sum;  // all parameters are those of the layers inside
  const Pace pace = in_network(paces);
  for (const ParameterSpec& spec : part.layer->parameters())
    if (spec.role == ParameterSpec::Role::embedding)
      sum += double(spec.shape.back()) * (pace.step == Per::written ? levels.written : levels.steps);
    else
      sum += double(spec.size()) * pace.times * levels.levels[at(pace.step)];
  return sum;
}

PartLevels once() {
  PartLevels part;
  part.levels.fill(1);
  return part;
}

}  // namespace

PartLevels sequence_levels(double rows, double time, double target_time) {
  PartLevels part = once();
  part.levels[at(Per::step)] = time;
  part.levels[at(Per::written)] = target_time;
  part.steps = rows * time;
  part.written = rows * target_time;
  return part;
}

PartLevels topology_levels(const CompiledTopology& topology) {
  PartLevels part = once();
  if (topology.domain() == Domain::trees)
    for (const Per per : {Per::step, Per::below, Per::above}) part.levels[at(per)] = double(topology.schedule().num_levels());
  part.steps = double(topology.num_nodes());
  return part;
}

template <class T>
double weight_traffic(const Model<T>& model, const PartLevels& part) {
  double numbers = 0;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Pace pace{i > model.pooling ? Per::sequence : Per::step};
    numbers += read_by<T>({"", model.layers[i].get(), i > 0, pace}, {}, part);
  }
  return numbers * double(sizeof(T));
}

template double weight_traffic(const Model<float>&, const PartLevels&);
template double weight_traffic(const Model<double>&, const PartLevels&);

}  // namespace recurra
