// A workspace: the tapes of all layers for one schedule. Memory only ever grows, so a workspace that is used again for
// batches of the same shape does not allocate.
#pragma once

#include "../network/model.h"

namespace recurra {

// The parameters of all layers as the kernels read them.
template <class T>
class ModelWeights {
 public:
  // `row` (null: none), for a stream of one row, must outlive it. `borrows`: `flat` stays as refreshed while they are used.
  explicit ModelWeights(const Model<T>& model, const RowUse* row = nullptr, bool borrows = false);
  // `samples`: the last layer, a ClassScorer, will be asked for the loss of samples alone. They must borrow.
  void refresh(const Model<T>& model, const T* flat, bool samples = false);
  Weights<T>& last() const { return *layers_.back(); }
  const Weights<T>& operator[](std::size_t layer) const { return *layers_[layer]; }
  const T* initial_state() const { return initial_state_.data(); }  // what one sequence starts from

 private:
  std::vector<T> initial_state_;
  std::vector<std::unique_ptr<Weights<T>>> layers_;
};

template <class T>
class Workspace {
 public:
  explicit Workspace(const Model<T>& model);
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // For networks that decode, before `prepare`: the schedule of the output, and the sequence of the input that each of its
  // sequences belongs to.
  void decode(Schedule output, std::vector<Index> order);
  // Lays the tapes out for this schedule; `backward` with room for cotangents, `seeds` of them per row.
  void prepare(Schedule schedule, bool backward, Index seeds = 1);
  void prepare(std::shared_ptr<const CompiledTopology> topology, bool backward);
  // From the next `prepare` on: the last layer goes neither forward nor back and has no outputs. Its scores are the affair of who
  // asks for their loss.
  void leave_out_last(bool left_out) { left_out_ = left_out; }
  bool leaves_out_last() const { return left_out_; }
  // From the next `prepare` on: no level goes back twice without going forward again, its gradient is taken once, as a sum, and
  // nobody looks at gates after it went back, or asks for tangents. Then cotangents need no memory of their own.
  void go_back_once() { goes_back_once_ = true; }
  std::size_t num_swept() const { return tapes_.size() - left_out_; }  // layers that go forward and back
  // Another number of cotangents per row, at most as many as it was prepared for; activations stay.
  void set_seeds(Index seeds) { lay_out(true, seeds); }

  const Model<T>& model() const { return model_; }
  const Schedule& schedule() const { return topology_ ? topology_->schedule() : schedule_; }  // of the input
  const Schedule& output_schedule() const { return model_.pools() || model_.decodes() ? output_ : schedule(); }
  Tape<T>& tape(std::size_t layer) { return *tapes_[layer]; }
  Tape<T>& last() { return *tapes_.back(); }
  T* input() { return input_.data(); }  // [nodes][input size]
  // [nodes][teacher size], of the output if the network decodes; there for networks that take a teacher.
  T* teacher() { return teacher_.data(); }
  // That it has allocated, tapes included.
  std::size_t bytes() const {
    std::size_t sum = bytes_of(input_, teacher_);
    for (const auto& tape : tapes_) sum += tape->bytes();
    return sum;
  }
  // Whether it is fed back, and how likely the network's own output is nevertheless.
  void set_teacher(bool given, double sampling);
  void set_noise(const Noise& noise);

  // The state of one sequence before the first level, and after a level (0: before the first).
  void load_state(Index sequence, const T* from);
  void save_state(Index level, Index sequence, T* to) const;
  void carry(Index level);
  // See Layer::observe.
  void observe(Index sequence, const T* seen);

 private:
  void size_input();
  void lay_out(bool backward, Index seeds);

  const Model<T>& model_;
  Schedule schedule_, output_;
  std::shared_ptr<const CompiledTopology> topology_;  // null: sequences
  std::vector<Index> order_;
  std::vector<std::unique_ptr<Tape<T>>> tapes_;
  std::vector<T> input_, teacher_;
  bool left_out_ = false, goes_back_once_ = false;
};

}  // namespace recurra
