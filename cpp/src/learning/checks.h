// Values a network refuses: inputs and targets that are not finite, class ids out of range. The errors name the place.
#pragma once

#include "../network/model.h"
#include "recurra/runner.h"

namespace recurra {

// Where in a batch a value lies, for errors.
struct Place {
  Index sequence, step = -1;    // -1: the network pools
  Index node = -1;              // of a topology; -1: of a sequence
  const char* whole = "batch";  // what `sequence` counts
};
template <class T>
Place place_in(const Sequences<T>& x, Index sequence, Index step) {
  return {sequence, step, x.topology ? x.entry(sequence, step) : -1};
}

// Of an output.
template <class T>
Place output_place(const Model<T>& model, const Sequences<T>& x, Index sequence, Index step) {
  if (!model.pools()) return place_in(x, sequence, step);
  if (!x.topology) return {sequence};
  return {x.row(sequence), -1, -1, x.topology->compiled()->domain() == Domain::trees ? "tree" : "graph"};
}

// A batch of at least one sequence and step, with lengths inside it. Throws std::invalid_argument.
template <class T>
void check_batch(const std::string& function, const Sequences<T>& x);

// The network runs over what there is: sequences, trees or graphs. The latter go with what they admit: no lengths, teacher and
// state, and no window that cuts them; the layers look at all of a topology, unless the batch is a part of it.
template <class T>
void check_topology(const std::string& function, const Model<T>& model, const Sequences<T>& x, bool state, Index window);

// Neither the network nor the batch is of trees or graphs.
template <class T>
void expect_sequences(const std::string& function, const Model<T>& model, const Sequences<T>& x);

// 0 <= begin <= end <= time.
template <class T>
void check_window(const std::string& function, const Sequences<T>& x, Window window);

// RunOptions::segment is in range, and 0 unless the network and the batch go step by step.
template <class T>
void check_segment(const std::string& function, const Model<T>& model, const Sequences<T>& x, Index segment);

// The loss's settings are in range and fit the network, and the target has what it compares with.
template <class T>
void check_loss(const std::string& function, const Model<T>& model, const Target<T>& target, const Loss& loss);

// Not the loss of samples: learning step by step makes all outputs.
void expect_exact(const std::string& function, const Loss& loss);

// The target of a network that decodes has what is fed back while it learns: classes if it writes symbols, else values. A teacher
// may bring it instead.
template <class T>
void check_taught(const std::string& function, const Model<T>& model, const Sequences<T>& x, const Target<T>& target);

// One step's features (or class id). Throws std::invalid_argument.
template <class T>
void check_features(const Model<T>& model, const T* features, Place place);

// One step's values of an array with this name.
template <class T>
void check_values(const std::string& name, const T* values, Index width, Place place);

// What a decoder is fed, in words.
template <class T>
std::string taught_by(const Sequences<T>& x) {
  return x.teacher ? "teacher" : "target, which the decoder is fed,";
}
// One step's values, or symbol, of a teacher.
template <class T>
void check_teacher(const std::string& name, const Model<T>& model, const T* values, Place place);

// A teacher is given only where it reaches a Feedback, the lengths of targets only of and always to a network that decodes; the
// probability of scheduled sampling is one, and there is a teacher, which `learns` tells of a network that decodes.
template <class T>
void check_teaching(const std::string& function, const Model<T>& model, const Sequences<T>& x, double sampling, bool learns);

// The target of one output.
template <class T>
void check_target(const Model<T>& model, const Target<T>& target, const Loss& loss, Index entry, Place place);

// The batch and all its valid steps, so that training on it does not stop half-way.
template <class T>
void check_data(const std::string& function, const Model<T>& model, const Sequences<T>& x, const Target<T>& target,
                const Loss& loss);

}  // namespace recurra
