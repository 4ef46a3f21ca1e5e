// Stream: one step at a time, for real-time use. It works on a snapshot of the weights and never allocates in a step.
#pragma once

#include <memory>
#include <span>

#include "recurra/state.h"

namespace recurra {

template <class T>
class BasicStream {
 public:
  // `batch` independent sequences side by side. The network must outlive the stream only if reload() is used.
  explicit BasicStream(const BasicNetwork<T>& network, Index batch = 1);
  ~BasicStream();
  BasicStream(BasicStream&&) noexcept;

  Index batch() const;
  Index input_size() const;
  Index output_size() const;
  Index teacher_size() const;  // of what observe() takes; 0: nothing

  // x: [batch][input size], y: [batch][output size]. No allocation, lock or system call.
  // False, and nothing changes, for a wrong size, a value of x that is not finite (or no class id, for an Embedding),
  // or while another thread is inside this stream.
  [[nodiscard]] bool step(std::span<const T> x, std::span<T> y) noexcept;
  // After a step: what was really seen, [batch][teacher size], takes the place of the output that the network's one Feedback
  // feeds back (before the first step, of what it starts with). False, and nothing changes, for a wrong size, a value that is
  // not finite, a network without a Feedback or with several, or while another thread is inside.
  [[nodiscard]] bool observe(std::span<const T> seen) noexcept;
  // True while some thread is inside this stream.
  bool busy() const noexcept;

  // These throw std::runtime_error while another thread is inside the stream.
  BasicState<T> state() const;
  void set_state(const BasicState<T>& state);  // std::invalid_argument if it is not a state of this network and batch
  void reset();
  void reset(Index sequence);  // std::out_of_range
  // Takes the network's present weights; the state stays.
  void reload();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

using Stream = BasicStream<float>;

}  // namespace recurra
