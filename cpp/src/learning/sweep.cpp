#include "sweep.h"

#include <algorithm>

namespace recurra {

namespace {

constexpr Index chunk_rows = 192;

Levels chunk_from(const Schedule& schedule, Index begin, Index end) {
  Index stop = begin + 1;
  while (stop < end && schedule.row(stop + 1) - schedule.row(begin) <= chunk_rows) ++stop;
  return {begin, stop};
}

Levels chunk_until(const Schedule& schedule, Index begin, Index end) {
  Index start = end - 1;
  while (start > begin && schedule.row(end) - schedule.row(start - 1) <= chunk_rows) --start;
  return {start, end};
}

void check(const Interrupt& interrupt) {
  if (interrupt && interrupt()) throw Interrupted{};
}

template <class T>
std::size_t num_over_time(const Workspace<T>& workspace) {
  return std::min(workspace.model().pooling + 1, workspace.num_swept());
}

// The layers over time in groups begin .. end - 1 that can be swept chunk by chunk; a layer that looks ahead is a group of its
// own.
struct Group {
  std::size_t begin, end;
  bool whole;
};
template <class T>
std::vector<Group> groups(const Workspace<T>& workspace, Swept swept) {
  std::vector<Group> result;
  if (swept == Swept::pooled) return result;
  for (std::size_t i = 0; i < num_over_time(workspace); ++i) {
    const bool whole = workspace.model().layers[i]->looks_ahead();
    if (whole || result.empty() || result.back().whole)
      result.push_back({i, i + 1, whole});
    else
      ++result.back().end;
  }
  return result;
}

}  // namespace

template <class T>
void forward(const ModelWeights<T>& weights, Workspace<T>& workspace, Levels levels, const Interrupt& interrupt, Swept swept) {
  const auto& layers = workspace.model().layers;
  const std::size_t over_time = num_over_time(workspace);
  for (const Group& group : groups(workspace, swept)) {
    const auto run = [&](Levels chunk) {
      for (std::size_t i = group.begin; i < group.end; ++i) layers[i]->forward(weights[i], workspace.tape(i), chunk);
      check(interrupt);
      return chunk.end;
    };
    if (group.whole)
      run(levels);
    else
      for (Index level = levels.begin; level < levels.end;) level = run(chunk_from(workspace.schedule(), level, levels.end));
  }
  // No step at all still has a pooled output.
  if (swept != Swept::pooled && levels.begin >= levels.end && over_time > workspace.model().pooling)
    layers[over_time - 1]->forward(weights[over_time - 1], workspace.tape(over_time - 1), levels);
  for (std::size_t i = over_time; swept != Swept::over_time && i < workspace.num_swept(); ++i)
    layers[i]->forward(weights[i], workspace.tape(i), {1, 2});
}

template <class T>
void tangent(const ModelWeights<T>& weights, Workspace<T>& workspace, Levels levels) {
  const Model<T>& model = workspace.model();
  for (std::size_t i = 0; i < model.layers.size(); ++i)
    model.layers[i]->tangent(weights[i], workspace.tape(i), i > model.pooling ? Levels{1, 2} : levels);
}

template <class T>
void clear_cotangents(Workspace<T>& workspace) {
  const auto& layers = workspace.model().layers;
  for (std::size_t i = 0; i < workspace.num_swept(); ++i) layers[i]->clear_cotangents(workspace.tape(i));
}

template <class T>
void backward(const ModelWeights<T>& weights, Workspace<T>& workspace, Levels levels, const Interrupt& interrupt, Swept swept) {
  const auto& layers = workspace.model().layers;
  const std::size_t over_time = num_over_time(workspace);
  for (std::size_t i = workspace.num_swept(); swept != Swept::over_time && i-- > over_time;)
    layers[i]->backward(weights[i], workspace.tape(i), {1, 2});
  const std::vector<Group> all = groups(workspace, swept);
  for (auto group = all.rbegin(); group != all.rend(); ++group) {
    const auto run = [&](Levels chunk) {
      for (std::size_t i = group->end; i-- > group->begin;) layers[i]->backward(weights[i], workspace.tape(i), chunk);
      check(interrupt);
      return chunk.begin;
    };
    if (group->whole)
      run(levels);
    else
      for (Index end = levels.end; end > levels.begin;) end = run(chunk_until(workspace.schedule(), levels.begin, end));
  }
}

template <class T>
void gradient(Workspace<T>& workspace, Levels levels, GradientTarget<T> target, Swept swept) {
  const Model<T>& model = workspace.model();
  const std::size_t over_time = num_over_time(workspace);
  for (std::size_t i = swept == Swept::pooled ? over_time : 0;
       i < (swept == Swept::over_time ? over_time : workspace.num_swept()); ++i)
    model.layers[i]->gradient(workspace.tape(i), i > model.pooling ? Levels{1, 2} : levels,
                              {target.data + model.parameter_offset[i], target.stride});
}

template <class T>
void initial_gradient(Workspace<T>& workspace, GradientTarget<T> target) {
  const Model<T>& model = workspace.model();
  for (std::size_t i = 0; i < model.layers.size(); ++i)
    model.layers[i]->initial_gradient(workspace.tape(i), {target.data + model.parameter_offset[i], target.stride});
}

#define RECURRA_INSTANTIATE(T)                                                                    \
  template void forward(const ModelWeights<T>&, Workspace<T>&, Levels, const Interrupt&, Swept);  \
  template void tangent(const ModelWeights<T>&, Workspace<T>&, Levels);                           \
  template void clear_cotangents(Workspace<T>&);                                                  \
  template void backward(const ModelWeights<T>&, Workspace<T>&, Levels, const Interrupt&, Swept); \
  template void gradient(Workspace<T>&, Levels, GradientTarget<T>, Swept);                        \
  template void initial_gradient(Workspace<T>&, GradientTarget<T>);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
