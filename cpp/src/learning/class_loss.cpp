#include "class_loss.h"

#include "checks.h"
#include "loss.h"

namespace recurra {

namespace {

// What an output of this class counts, as CrossEntropy has it.
double scale_of(const Loss& loss, std::int64_t id, double scale) {
  const auto* exact = std::get_if<CrossEntropy>(&loss.settings());
  return exact ? scale * class_weight(*exact, id) : scale;
}

}  // namespace

template <class T>
bool scores_apart(const Model<T>& model, const Pass<T>& pass, Index outputs) {
  if (!pass.target || pass.y || !model.scorer || !pass.loss->takes_classes()) return false;
  if (pass.samples) return true;
  const auto* exact = std::get_if<CrossEntropy>(&pass.loss->settings());
  return !(exact && exact->label_smoothing > 0) && model.scorer->pays(outputs);
}

template <class T>
double class_loss(const ModelWeights<T>& weights, Shard<T>& shard, const Pass<T>& pass) {
  const Model<T>& model = shard.workspace.model();
  const Tape<T>& tape = shard.workspace.last();
  const OutputGrid<T> grid(model, pass.x, pass.window);
  const std::size_t outputs = shard.output_steps.size();
  std::vector<std::int64_t> classes(outputs, 0);
  std::vector<double> scales(outputs, 0.0);
  for (std::size_t node = 0; node < outputs; ++node) {
    const auto [sequence, number] = shard.output_steps[node];
    const Index entry = grid.entry(sequence, number);
    if (number >= grid.length(sequence) || !pass.target->counts(entry)) continue;
    check_target(model, *pass.target, *pass.loss, entry, output_place(model, pass.x, sequence, grid.begin() + number));
    const std::int64_t id = pass.target->classes[entry];
    const double scale = scale_of(*pass.loss, id, pass.scale);
    if (scale > 0) classes[node] = id;
    scales[node] = scale;
  }
  ClassRows<T> rows{Index(outputs), tape.x, tape.x_stride, classes.data(), scales.data(), nullptr, 0};
  if (pass.gradient) {
    rows.dx = tape.dx;
    rows.dx_stride = tape.dx_stride;
  }
  rows.samples = pass.samples;
  if (!shard.class_scratch) shard.class_scratch = model.scorer->make_class_scratch();
  T* gradient = pass.gradient ? shard.gradient.data() + model.parameter_offset[model.layers.size() - 1] : nullptr;
  return model.scorer->class_loss(weights.last(), *shard.class_scratch, rows, gradient);
}

#define RECURRA_INSTANTIATE(T)                                        \
  template bool scores_apart(const Model<T>&, const Pass<T>&, Index); \
  template double class_loss(const ModelWeights<T>&, Shard<T>&, const Pass<T>&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
