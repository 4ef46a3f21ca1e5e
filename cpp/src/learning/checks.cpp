#include "checks.h"

#include <cmath>
#include <iomanip>
#include <sstream>
#include <stdexcept>

#include "batch.h"
#include "finite.h"

namespace recurra {

namespace {

// "4", "1.5", "1e+300"
std::string shortest(double value) {
  std::ostringstream text;
  text << std::setprecision(15) << value;
  return text.str();
}

std::string text_of(Place place) {
  if (place.node >= 0) return " at (node " + std::to_string(place.node);
  return " at (" + std::string(place.whole) + " " + std::to_string(place.sequence) +
         (place.step < 0 ? "" : ", time " + std::to_string(place.step));
}

template <class T>
[[noreturn]] void refuse(const std::string& name, const T* values, const std::string& where) {
  Index j = 0;
  while (std::isfinite(values[j])) ++j;
  throw std::invalid_argument(name + " has the non-finite value " + std::to_string(values[j]) + where + ", feature " +
                              std::to_string(j) + "), expected finite values");
}

}  // namespace

template <class T>
void check_batch(const std::string& function, const Sequences<T>& x) {
  if (x.batch < 1 || x.time < 1)
    throw std::invalid_argument(function + ": x has batch " + std::to_string(x.batch) + " and time " + std::to_string(x.time) +
                                ", expected at least 1 of each");
  for (Index sequence = 0; x.lengths && sequence < x.batch; ++sequence)
    if (x.length(sequence) < 0 || x.length(sequence) > x.time)
      throw std::invalid_argument(function + ": lengths[" + std::to_string(x.row(sequence)) + "] is " +
                                  std::to_string(x.length(sequence)) + ", expected 0 .. " + std::to_string(x.time));
}

template <class T>
void check_topology(const std::string& function, const Model<T>& model, const Sequences<T>& x, bool state, Index window) {
  const auto refuse = [&](const std::string& what) { throw std::invalid_argument(function + ": " + what); };
  Domain both;
  if (const Domain given = x.topology ? x.topology->compiled()->domain() : Domain::time; !meet(model.domain, given, both))
    refuse(std::string("got ") + to_string(given) + ", expected " + to_string(model.domain) + ", which the network runs over");
  if (!x.topology) return;
  const Topology& topology = *x.topology;
  const std::string name = topology.compiled()->domain() == Domain::trees ? "tree" : "graph";
  if (x.time != topology.num_nodes())
    refuse("x has " + std::to_string(x.time) + " nodes, expected those of the " + name + "s, " +
           std::to_string(topology.num_nodes()));
  for (Index i = 0; i < x.batch; ++i)
    if (x.row(i) < 0 || x.row(i) >= topology.num_structures())
      refuse(name + " " + std::to_string(x.row(i)) + " is not there, expected 0 .. " +
             std::to_string(topology.num_structures() - 1));
  if (x.lengths) refuse("lengths are given, expected none with " + name + "s");
  if (x.teacher) refuse("a teacher is given, expected none with " + name + "s");
  if (state) refuse("a state is given, expected none with " + name + "s: they start from the initial state");
  if (window > 0 && window < x.time) refuse("a window is given, expected none with " + name + "s");
  if (x.rows) return;  // a part of what was checked as a whole
  for (const auto& layer : model.layers) layer->check(*topology.compiled());
}

template <class T>
void expect_sequences(const std::string& function, const Model<T>& model, const Sequences<T>& x) {
  model.expect_sequences(function);
  if (x.topology)
    throw std::invalid_argument(function + ": got " + to_string(x.topology->compiled()->domain()) + ", expected sequences");
}

template <class T>
void check_window(const std::string& function, const Sequences<T>& x, Window window) {
  if (window.begin < 0 || window.end < window.begin || window.end > x.time)
    throw std::invalid_argument(function + ": the window is " + std::to_string(window.begin) + " .. " +
                                std::to_string(window.end) + ", expected a part of 0 .. " + std::to_string(x.time));
}

template <class T>
void check_segment(const std::string& function, const Model<T>& model, const Sequences<T>& x, Index segment) {
  if (segment < RunOptions::square_root)
    throw std::invalid_argument(function + ": segment is " + std::to_string(segment) +
                                ", expected at least 1, 0 for none or RunOptions::square_root");
  if (segment == 0) return;
  const std::string expected = ", expected a network that goes step by step, for checkpointed BPTT";
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Layer<T>& layer = *model.layers[i];
    const auto refuse = [&](const std::string& what) {
      throw std::invalid_argument(function + ": layer " + std::to_string(i) + " (" + model.specs[i].type + ") " + what +
                                  expected);
    };
    if (layer.decodes()) refuse("reads whole sequences before it writes");
    if (layer.looks_ahead()) refuse("looks ahead");
    if (layer.domain() > Domain::time) refuse(std::string("runs over ") + to_string(layer.domain()));
  }
  if (x.topology)
    throw std::invalid_argument(function + ": got " + to_string(x.topology->compiled()->domain()) +
                                ", expected sequences, for checkpointed BPTT");
}

namespace {

void require(bool condition, const std::string& function, const std::string& name, double value, const std::string& expected) {
  if (!condition) throw std::invalid_argument(function + ": " + name + " is " + shortest(value) + ", expected " + expected);
}

void check_settings(const std::string&, const Mse&, Index) {}
void check_settings(const std::string&, const Mae&, Index) {}
void check_settings(const std::string& function, const Huber& loss, Index) {
  require(loss.delta > 0 && std::isfinite(loss.delta), function, "delta", loss.delta, "a finite number > 0");
}
void check_settings(const std::string& function, const CrossEntropy& loss, Index width) {
  const std::vector<double>& weights = loss.class_weights;
  if (!weights.empty() && Index(weights.size()) != width)
    throw std::invalid_argument(function + ": class_weights has " + std::to_string(weights.size()) + " values, expected " +
                                std::to_string(width) + ", one per class");
  for (std::size_t i = 0; i < weights.size(); ++i)
    require(weights[i] >= 0 && std::isfinite(weights[i]), function, "class_weights[" + std::to_string(i) + "]", weights[i],
            "a finite number >= 0");
  require(loss.label_smoothing >= 0 && loss.label_smoothing <= 1, function, "label_smoothing", loss.label_smoothing, "0 .. 1");
}
void check_settings(const std::string& function, const BinaryCrossEntropy& loss, Index) {
  require(loss.positive_weight >= 0 && std::isfinite(loss.positive_weight), function, "positive_weight", loss.positive_weight,
          "a finite number >= 0");
}
void check_settings(const std::string& function, const SampledSoftmax& loss, Index) {
  require(loss.samples >= 1, function, "samples", double(loss.samples), "at least 1");
}

}  // namespace

template <class T>
void check_loss(const std::string& function, const Model<T>& model, const Target<T>& target, const Loss& loss) {
  std::visit([&](const auto& settings) { check_settings(function, settings, model.output_size); }, loss.settings());
  if (loss.kind() == Loss::sampled_softmax && !(model.scorer && model.scorer->takes_samples()))
    throw std::invalid_argument(function + ": the last layer is " + model.specs.back().type +
                                ", expected Linear for sampled_softmax");
  if (loss.takes_classes() ? !target.classes : !target.values)
    throw std::invalid_argument(function + ": the target has no " + (loss.takes_classes() ? "classes" : "values") +
                                ", expected them for " + loss.name());
}

void expect_exact(const std::string& function, const Loss& loss) {
  if (loss.kind() == Loss::sampled_softmax)
    throw std::invalid_argument(function + ": loss is sampled_softmax, expected cross_entropy, of all classes");
}

template <class T>
void check_taught(const std::string& function, const Model<T>& model, const Sequences<T>& x, const Target<T>& target) {
  if (!model.decodes() || x.teacher) return;
  const bool symbols = model.num_symbols() > 0;
  if (symbols ? !target.classes : !target.values)
    throw std::invalid_argument(function + ": the target has no " + (symbols ? "classes" : "values") +
                                ", expected them or a teacher: the network feeds " + (symbols ? "symbols" : "values") + " back");
}

template <class T>
void check_features(const Model<T>& model, const T* features, Place place) {
  if (!all_finite(features, model.input_size)) refuse("x", features, text_of(place));
  if (model.takes_ids() && !(features[0] >= T(0) && features[0] < T(model.num_ids) && features[0] == std::floor(features[0])))
    throw std::invalid_argument("x has the class id " + shortest(features[0]) + text_of(place) + "), expected 0 .. " +
                                std::to_string(model.num_ids - 1));
}

template <class T>
void check_values(const std::string& name, const T* values, Index width, Place place) {
  if (!all_finite(values, width)) refuse(name, values, text_of(place));
}

template <class T>
void check_teacher(const std::string& name, const Model<T>& model, const T* values, Place place) {
  check_values(name, values, model.teacher_size(), place);
  const Index symbols = model.num_symbols();
  if (symbols > 0 && !(*values >= T(0) && *values < T(symbols) && *values == std::floor(*values)))
    throw std::invalid_argument(name + " has the class id " + shortest(*values) + text_of(place) + "), expected 0 .. " +
                                std::to_string(symbols - 1));
}

template <class T>
void check_teaching(const std::string& function, const Model<T>& model, const Sequences<T>& x, double sampling, bool learns) {
  if (x.teacher && model.teacher_size() == 0)
    throw std::invalid_argument(function + ": a teacher is given, but the network has " + std::to_string(model.feedbacks.size()) +
                                " Feedback layers that it reaches, expected one");
  require(sampling >= 0 && sampling <= 1, function, "sampling", sampling, "0 .. 1");
  if (sampling > 0 && !x.teacher && !(learns && model.decodes()))
    throw std::invalid_argument(function + ": sampling is " + shortest(sampling) +
                                " without a teacher, expected one to sample from");
  if (!model.decodes()) {
    if (x.target_time != 0 || x.target_lengths)
      throw std::invalid_argument(function + ": the target has lengths of its own, expected none: the network does not decode");
    return;
  }
  if (x.target_time < 1)
    throw std::invalid_argument(function + ": target_time is " + std::to_string(x.target_time) + ", expected at least 1");
  for (Index sequence = 0; x.target_lengths && sequence < x.batch; ++sequence)
    if (x.target_length(sequence) < 0 || x.target_length(sequence) > x.target_time)
      throw std::invalid_argument(function + ": target_lengths[" + std::to_string(x.row(sequence)) + "] is " +
                                  std::to_string(x.target_length(sequence)) + ", expected 0 .. " + std::to_string(x.target_time));
}

template <class T>
void check_target(const Model<T>& model, const Target<T>& target, const Loss& loss, Index entry, Place place) {
  const Index width = model.output_size;
  if (!loss.takes_classes()) {
    const T* values = target.values + entry * width;
    if (!all_finite(values, width)) refuse("target", values, text_of(place));
    for (Index j = 0; loss.kind() == Loss::binary_cross_entropy && j < width; ++j)
      if (!(values[j] >= T(0) && values[j] <= T(1)))
        throw std::invalid_argument("target has the value " + shortest(double(values[j])) + text_of(place) + ", feature " +
                                    std::to_string(j) + "), expected 0 .. 1 for binary_cross_entropy");
    return;
  }
  const std::int64_t id = target.classes[entry];
  if (const auto* exact = std::get_if<CrossEntropy>(&loss.settings()); exact && id == exact->ignored_class) return;
  if (id < 0 || id >= width)
    throw std::invalid_argument("target has the class id " + std::to_string(id) + text_of(place) + "), expected 0 .. " +
                                std::to_string(width - 1));
}

template <class T>
void check_data(const std::string& function, const Model<T>& model, const Sequences<T>& x, const Target<T>& target,
                const Loss& loss) {
  check_batch(function, x);
  check_loss(function, model, target, loss);
  check_taught(function, model, x, target);
  for (Index sequence = 0; sequence < x.batch; ++sequence) {
    const Index row = x.row(sequence), length = x.length(sequence);
    for (Index step = 0; step < length; ++step) {
      check_features(model, x.data + x.entry(sequence, step) * model.input_size, place_in(x, sequence, step));
      if (x.teacher && !model.decodes())
        check_teacher("teacher", model, x.teacher + (row * x.time + step) * model.teacher_size(), {sequence, step});
    }
  }
  const OutputGrid<T> grid(model, x, {0, x.time});
  for (Index sequence = 0; sequence < x.batch; ++sequence)
    for (Index step = 0; step < grid.length(sequence); ++step) {
      const Index entry = grid.entry(sequence, step), width = model.teacher_size();
      if (target.counts(entry)) check_target(model, target, loss, entry, output_place(model, x, sequence, step));
      if (!model.decodes()) continue;
      const bool by_class = !x.teacher && model.num_symbols() > 0;
      const T symbol = by_class ? T(target.classes[entry]) : T(0);
      check_teacher(taught_by(x), model, by_class ? &symbol : (x.teacher ? x.teacher : target.values) + entry * width,
                    {sequence, step});
    }
}

#define RECURRA_INSTANTIATE(T)                                                                            \
  template void check_features(const Model<T>&, const T*, Place);                                         \
  template void check_target(const Model<T>&, const Target<T>&, const Loss&, Index, Place);               \
  template void check_values(const std::string&, const T*, Index, Place);                                 \
  template void check_teacher(const std::string&, const Model<T>&, const T*, Place);                      \
  template void check_teaching(const std::string&, const Model<T>&, const Sequences<T>&, double, bool);   \
  template void check_batch(const std::string&, const Sequences<T>&);                                     \
  template void check_topology(const std::string&, const Model<T>&, const Sequences<T>&, bool, Index);    \
  template void expect_sequences(const std::string&, const Model<T>&, const Sequences<T>&);               \
  template void check_window(const std::string&, const Sequences<T>&, Window);                            \
  template void check_segment(const std::string&, const Model<T>&, const Sequences<T>&, Index);           \
  template void check_loss(const std::string&, const Model<T>&, const Target<T>&, const Loss&);           \
  template void check_taught(const std::string&, const Model<T>&, const Sequences<T>&, const Target<T>&); \
  template void check_data(const std::string&, const Model<T>&, const Sequences<T>&, const Target<T>&, const Loss&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
