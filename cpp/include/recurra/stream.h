// Stream: one step at a time, for real-time use. It works on a snapshot of the weights and never allocates in a step.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "recurra/state.h"
#include "recurra/weight_format.h"

namespace recurra {

struct StreamOptions {
  Index batch = 1;  // independent sequences side by side
  // How matrices are kept that a step multiplies; other than `full` for float networks alone. A stream of one sequence then holds
  // and reads less memory (but for cells with layer normalisation); a batch has the same rounded weights in full width, and is as
  // fast as without.
  WeightFormat weights = WeightFormat::full;
  // Threads that share the larger matrices, from some 200 KiB on: the caller and helpers that wait busily for the next step for
  // some 50 us and then sleep; waking them is a system call. Results are the same to the bit. More than one: for a batch of 1.
  Index threads = 1;
};

// Of one matrix as the stream keeps it: |kept - given| / |given|, in the Frobenius norm.
struct WeightError {
  std::string name;
  double error;
};

template <class T>
class BasicStream {
 public:
  // The network must outlive the stream only if reload() is used.
  explicit BasicStream(const BasicNetwork<T>& network) : BasicStream(network, StreamOptions{}) {}
  // A template, so that braces are always options.
  template <std::integral Integer>
  BasicStream(const BasicNetwork<T>& network, Integer batch) : BasicStream(network, StreamOptions{Index(batch)}) {}
  // Throws std::invalid_argument for networks that cannot stream, options out of range, and weights that are not finite if they
  // must be rounded.
  BasicStream(const BasicNetwork<T>& network, const StreamOptions& options);
  ~BasicStream();
  BasicStream(BasicStream&&) noexcept;

  Index batch() const;
  Index input_size() const;
  Index output_size() const;
  Index teacher_size() const;  // of what observe() takes; 0: nothing

  // x: [batch][input size], y: [batch][output size]. No allocation, lock or system call (but see StreamOptions::threads), except
  // in the first step after another thread made steps: all threads then pass a memory barrier, which takes some microseconds.
  // False, and nothing changes, for a wrong size, a value of x that is not finite (or no class id, for an Embedding),
  // or while another thread is inside this stream.
  [[nodiscard]] bool step(std::span<const T> x, std::span<T> y) noexcept;
  // The next `steps` steps at once, faster than one by one: x: [batch][steps][input size], y: [batch][steps][output size]. The
  // same numbers up to rounding; to the bit with narrow weights, a batch of 1 and no layer normalisation. x and y must not
  // overlap. Allocates when it is first used with so many steps, up to some bound. False as above.
  [[nodiscard]] bool process(std::span<const T> x, std::span<T> y, Index steps);
  // After a step: what was really seen, [batch][teacher size], takes the place of the output that the network's one Feedback
  // feeds back (before the first step, of what it starts with). False, and nothing changes, for a wrong size, a value that is
  // not finite, a network without a Feedback or with several, or while another thread is inside.
  [[nodiscard]] bool observe(std::span<const T> seen) noexcept;
  // True while some thread is inside this stream.
  bool busy() const noexcept;

  // By matrix, in the order of the parameters; empty if the weights are kept in full.
  const std::vector<WeightError>& weight_error() const;

  // These throw std::runtime_error while another thread is inside the stream.
  std::size_t bytes() const;  // of weights and activations, as they lie in memory; process() adds those of a block of steps
  BasicState<T> state() const;
  void set_state(const BasicState<T>& state);  // std::invalid_argument if it is not a state of this network and batch
  void reset();
  void reset(Index sequence);  // std::out_of_range
  // Takes the network's present weights; the state stays. std::invalid_argument if they do not fit, and nothing has changed.
  void reload();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

using Stream = BasicStream<float>;

}  // namespace recurra
