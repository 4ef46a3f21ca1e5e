// The latest steps of one row, kept so that they can be walked back: inputs, activations, and which weights each step used.
#pragma once

#include "influence_rows.h"
#include "online_file.h"
#include "weight_history.h"

namespace recurra {

template <class T>
class Block {
 public:
  // Room for `capacity` steps with up to `seeds` cotangents each. The history must keep the weights of all of them.
  Block(const Model<T>& model, const WeightHistory<T>& history, Index capacity, Index seeds = 1);

  // No step is kept any more; the next one starts from this state.
  void begin(const T* state);
  // The next step, with the present weights: its output. Its state is at level steps() + 1. `teacher` is fed back instead of
  // the output, if given. It is not yet kept: another look takes its place.
  const T* look(const T* x, const T* teacher);
  // Keeps the step looked at.
  void advance();
  // Forgets the first steps; the next one is where it was.
  void forget(Index steps);

  // How many cotangents walks carry from now on: 1 but for walks with seeds.
  void set_seeds(Index seeds);
  Index capacity() const { return Index(version_.size()); }
  Index steps() const { return steps_; }
  bool full() const { return steps_ == capacity(); }
  void save_state(Index level, T* to) const { workspace_.save_state(level, 0, to); }
  const T* start() const { return start_.data(); }  // the state before the first step
  Workspace<T>& workspace() { return workspace_; }

  // The cotangent of the latest step's output counts when the block is walked back.
  void learn(const T* dy);
  bool learned() const { return last_learned_ > 0; }
  // From the latest step that learned back to the start: adds the gradient with respect to the weights used on the way, and
  // gives the cotangent of the state there. Then nothing has been learned. Returns the largest cotangent it began with.
  T walk_back(T* gradient, T* cotangent);

  // Whether the step that led to `level` learned, and was not walked back since.
  bool learned(Index level) const { return learned_[std::size_t(level - 1)]; }
  Index version(Index level) const { return version_[std::size_t(level - 1)]; }
  // The same for the error of that step alone, whatever the others learned, to the state before level `from`.
  T walk_back_one(Index level, T* gradient, T* cotangent, Index from);
  // Adds what the latest of these walks, if it went back to the block's start, found for the parameters that are initial states.
  void add_initial_gradient(T* gradient);
  // From this cotangent of the state after the latest step, through that step alone: adds the gradient.
  void walk_back_state(const T* cotangent, T* gradient);
  // From this cotangent of the state at the block's start: adds the gradient of the parameters that are initial states.
  void walk_back_start(const T* cotangent, T* gradient);
  // How the state after the latest step moves when the one before it moves so, the weights held; may be the same vector.
  void tangent(const T* before, T* after);

  // A walk with seeds: seed k has cotangent 1 for element first + k of the state after the latest step, while that is one of
  // these rows'. The gradients of the rows' parameters go to vectors `stride` apart, the cotangents of the state before the first
  // step to rows of `cotangents` as wide as the state.
  void walk_back_seeds(const InfluenceRows& rows, Index first, GradientTarget<T> gradient, T* cotangents);
  // The same for the initial state, of which parts may be parameters.
  void initial_seeds(const InfluenceRows& rows, Index first, GradientTarget<T> gradient);

  // Between two steps. The weights of its steps are for others to keep.
  void save(OnlineFile<T>& file, const std::string& prefix) const;
  void load(const OnlineFile<T>& file, const std::string& prefix);

 private:
  const T* input(Index step) const { return const_cast<Workspace<T>&>(workspace_).input() + step * model_.input_size; }
  const T* teacher(Index step) const;  // null: none was given
  const T* step(const T* x, const T* teacher, Index version);

  // What walks are made of (block_walks.cpp).
  void begin_walk();
  T add_error(Index level);  // that the step learned from, once; returns its largest cotangent
  void seed(Index level, const InfluenceRows& rows, Index first);
  void add_cotangent(Index level, const T* cotangent);
  void save_cotangent(Index level, T* cotangent);
  void step_back(Index level, std::size_t begin, std::size_t end);  // layers begin .. end - 1, with the weights the step used
  void descend(Index last, Index from, T* gradient);

  const Model<T>& model_;
  const WeightHistory<T>& history_;
  Workspace<T> workspace_;
  Index seeds_ = 1, steps_ = 0, last_learned_ = 0;
  std::size_t remembering_ = 0;         // layers up to the last one with a state
  std::vector<Index> version_;          // by step
  std::vector<char> taught_, learned_;  // by step
  std::vector<char> entered_;           // by step: its error is part of the walk under way
  std::vector<T> start_, unit_, dy_;    // dy_: [steps][output size]
};

}  // namespace recurra
