// A shard: some sequences (or trees, or graphs) of a batch, longest first, between the caller's arrays and the packed rows of a
// workspace.
#pragma once

#include "recurra/runner.h"
#include "workspace.h"

namespace recurra {

// The rows of a batch split over `parts` shards of like work, each longest first (all of a topology: as they lie). Every row is
// in one shard.
template <class T>
std::vector<std::vector<Index>> split_rows(const Sequences<T>& x, int parts);

// How many of a sequence's valid steps lie inside a window, and those of these rows.
template <class T>
Index window_length(const Sequences<T>& x, Index sequence, Window window) {
  const Index length = x.length(sequence) - window.begin, most = window.end - window.begin;
  return length < 0 ? 0 : length < most ? length : most;
}
template <class T>
std::vector<Index> window_lengths(const Sequences<T>& x, const std::vector<Index>& rows, Window window);

// Where the outputs of a batch lie in arrays [batch][time][...], and which are valid: one per step of a window, one per
// sequence with a step in it if the network pools, or one per step of the target if it decodes.
template <class T>
class OutputGrid {
 public:
  OutputGrid(const Model<T>& model, const Sequences<T>& x, Window window)
      : pools_(model.pools()),
        decodes_(model.decodes()),
        x_(x),
        window_(window),
        time_(pools_     ? 1
              : decodes_ ? x.target_time
                         : x.time) {}
  Index time() const { return time_; }                                    // of the arrays
  Index begin() const { return pools_ || decodes_ ? 0 : window_.begin; }  // the window's steps in them
  Index end() const { return pools_ || decodes_ ? time_ : window_.end; }
  Index length(Index sequence) const {
    if (decodes_) return x_.target_length(sequence);
    const Index length = window_length(x_, sequence, window_);
    return pools_ ? Index(length > 0) : length;
  }
  // Of a step of the window.
  Index entry(Index sequence, Index step) const {
    return x_.topology && !pools_ ? x_.entry(sequence, step) : x_.row(sequence) * time_ + begin() + step;
  }

 private:
  bool pools_, decodes_;
  const Sequences<T>& x_;
  Window window_;
  Index time_;
};

// A node of a shard's schedule: which step of which sequence it is; steps count from the window's begin.
struct Step {
  Index sequence, number;
};
// Of a chain, whose sequences these rows are.
std::vector<Step> chain_steps(const Schedule& schedule, const std::vector<Index>& rows);
// Of the structures that these rows are.
template <class T>
std::shared_ptr<const CompiledTopology> topology_of(const Sequences<T>& x, const std::vector<Index>& rows);
std::vector<Step> topology_steps(const CompiledTopology& topology, const std::vector<Index>& rows);
// The number of each node in the whole batch's topology.
template <class T>
std::vector<Index> node_numbers(const Sequences<T>& x, const std::vector<Step>& steps);

// The window's valid steps into the workspace's input. Throws std::invalid_argument for a non-finite value or a bad class id.
template <class T>
void gather_input(const Sequences<T>& x, const std::vector<Step>& steps, Window window, Workspace<T>& workspace);

// The positions 0 .. rows - 1, longest target first.
template <class T>
std::vector<Index> target_order(const Sequences<T>& x, const std::vector<Index>& rows);

// What is fed back instead of the outputs, for the steps of the output: the teacher, or the target that decoding learns from.
// False if there is neither.
template <class T>
bool gather_teacher(const Sequences<T>& x, const Target<T>* target, const std::vector<Step>& steps, Window window,
                    Workspace<T>& workspace);

// The window's outputs, which are these steps, to their places in y; zeros past the end of each sequence of these rows.
template <class T>
void scatter_output(Workspace<T>& workspace, const Sequences<T>& x, const std::vector<Index>& rows,
                    const std::vector<Step>& steps, Window window, T* y);

}  // namespace recurra
