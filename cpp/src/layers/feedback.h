// Feedback: the outputs of a net join its input, delayed. y_t = net([x_t, y_{t-1}, ..., y_{t-n}]), where what came before the
// first step is state, zero at first. Around a Linear layer it is the autoregressive model, around a hidden layer Jordan's
// network (M. I. Jordan, CogSci 1986), around an MLP behind a Delay the NARX network (I. J. Leontaritis, S. A. Billings,
// Int. J. Control 41 (1985)).
//
// A closed loop runs level by level. With a teacher, whose values are fed back instead (the open loop of teacher forcing, also
// called series-parallel), all inputs are known and the net runs over all levels at once. In between, scheduled sampling
// (S. Bengio et al., NIPS 2015) decides step by step; no gradient passes through the decision.
//
// A net of symbols has scores of classes as its output; the class with the highest one is fed back, by its number.
//
// Where only the last of the outputs are fed back (what a controller read from its memory), they are not what a teacher knows:
// the loop stays closed, whatever a Feedback around it is taught.
#pragma once

#include <optional>

#include "wrapper.h"

namespace recurra {

template <class T>
class Feedback final : public Wrapper<T> {
 public:
  // `start`: the symbol before the first step, of a net of symbols. `fed`: how many outputs, the last ones, are fed back; 0: all.
  Feedback(std::vector<Child<T>> net, Index delays, std::uint64_t salt, std::optional<Index> start = {}, Index fed = 0)
      : Wrapper<T>(std::move(net)), delays_(delays), salt_(salt), start_(start), fed_(fed > 0 ? fed : output_size()) {}
  Index input_size() const override { return this->child(0).input_size() - line_width(); }
  Index output_size() const override { return this->child(0).output_size(); }
  Domain domain() const override { return Domain::time; }
  bool needs_time() const override { return true; }
  std::vector<Index> feedbacks() const override;
  std::vector<StateSpec> state() const override;
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void initial_state(const T* params, T* to) const override;
  void load_state(Tape<T>&, Index sequence, const T* from) const override;
  void save_state(const Tape<T>&, Index level, Index sequence, T* to) const override;
  void save_cotangent(Tape<T>&, Index level, Index sequence, Index seed, T* to) const override;
  void add_cotangent(Tape<T>&, Index level, Index sequence, Index seed, const T* from) const override;
  void carry(Tape<T>&, Index level) const override;
  void observe(Tape<T>&, Index sequence, const T* seen) const override;
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;

  Index delays() const { return delays_; }

 protected:
  void place(std::size_t, Part<T>& part) const override { part.gives_dx = true; }  // of what was fed back

 private:
  bool is_taught(const Tape<T>& tape) const { return tape.teacher.rows && fed_ == output_size(); }
  bool is_open(const Tape<T>& tape) const { return is_taught(tape) && tape.teacher.sampling == 0; }
  Index width() const { return start_ ? 1 : fed_; }  // of one thing fed back
  Index first_fed() const { return output_size() - fed_; }
  Index line_width() const { return delays_ * width(); }
  void link_net(Tape<T>&) const;
  void join(Tape<T>&, Index level) const;       // the net's input,
  void feed_back(Tape<T>&, Index level) const;  // and what its output adds to the line
  void feed_back_tangent(Tape<T>&, Index level) const;
  void feed_back_cotangent(Tape<T>&, Index level) const;
  void join_cotangent(Tape<T>&, Index level) const;

  Index delays_;
  std::uint64_t salt_;  // tells its scheduled sampling from other random choices
  std::optional<Index> start_;
  Index fed_;
};

}  // namespace recurra
