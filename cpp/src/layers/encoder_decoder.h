// Asynchronous sequence to sequence: an encoder reads one sequence, a decoder that starts from the encoder's last state writes
// another one of its own length, each step seeing what was written before (I. Sutskever et al., NIPS 2014; K. Cho et al.,
// EMNLP 2014). Attention layers inside the decoder look at the encoder's outputs.
#pragma once

#include <optional>

#include "feedback.h"
#include "memory.h"
#include "state_map.h"

namespace recurra {

// The children are the encoder, the decoder (a Feedback) and, where states are not copied, the bridge (a Linear from all states
// of the one to all of the other's net).
template <class T>
class EncoderDecoder final : public Wrapper<T> {
 public:
  // `num_symbols`: what the decoder can be given, if it writes symbols; 0: it writes values.
  EncoderDecoder(std::vector<Child<T>> children, std::vector<StateCopy> copies, Index num_symbols, std::optional<Index> end);
  Index input_size() const override { return this->child(0).input_size(); }
  Index output_size() const override { return this->child(1).output_size(); }
  Input input() const override { return this->child(0).input(); }
  bool looks_ahead() const override { return true; }
  Domain domain() const override { return Domain::time; }
  bool decodes() const override { return true; }
  std::vector<Index> feedbacks() const override { return this->child(1).feedbacks(); }
  std::vector<StateSpec> state() const override { return {}; }  // a sequence begins and ends inside

  std::unique_ptr<Weights<T>> make_weights() const override;
  void refresh(const T* params, Weights<T>&) const override;
  std::unique_ptr<Tape<T>> make_tape() const override;
  void reserve(Tape<T>&, bool backward) const override;
  void initial_state(const T*, T*) const override {}
  void load_state(Tape<T>&, Index, const T*) const override {}
  void save_state(const Tape<T>&, Index, Index, T*) const override {}
  void save_cotangent(Tape<T>&, Index, Index, Index, T*) const override {}
  void add_cotangent(Tape<T>&, Index, Index, Index, const T*) const override {}
  void carry(Tape<T>&, Index) const override {}
  void observe(Tape<T>&, Index, const T*) const override {}
  std::vector<StateSpec> signals() const override { return {}; }
  void save_signals(const Tape<T>&, Index, Index, T*) const override {}

  // All levels of both schedules, whatever they are asked for.
  void forward(const Weights<T>&, Tape<T>&, Levels) const override;
  void tangent(const Weights<T>&, Tape<T>&, Levels) const override;
  void clear_cotangents(Tape<T>&) const override;
  void backward(const Weights<T>&, Tape<T>&, Levels) const override;
  void gradient(Tape<T>&, Levels, GradientTarget<T>) const override;
  void initial_gradient(Tape<T>&, GradientTarget<T>) const override {}  // part of gradient: sequences always start there

  // For decoders that choose their symbols themselves, after `forward` with one output level: the state of a row after it, what
  // it begins with, which may be changed (the symbol last written is its first element), and another step.
  Index decoder_state_size() const;
  void save_decoder(const Tape<T>&, Index row, T* to) const;
  void load_decoder(Tape<T>&, Index row, const T* from) const;
  void step_decoder(const Weights<T>&, Tape<T>&) const;

  Index num_symbols() const { return num_symbols_; }
  std::optional<Index> end() const { return end_; }

 protected:
  void place(std::size_t i, Part<T>& part) const override;

 private:
  bool has_bridge() const { return this->size() == 3; }
  Index net_state_width() const;  // of the decoder, without what it feeds back
  void link_both(Tape<T>&) const;
  void fill_memory(Tape<T>&) const;
  void start_decoder(const Weights<T>&, Tape<T>&) const;
  void start_decoder_back(const Weights<T>&, Tape<T>&) const;
  void read_cotangents(Tape<T>&) const;

  std::vector<StateCopy> copies_;
  Index num_symbols_;
  std::optional<Index> end_;
};

}  // namespace recurra
