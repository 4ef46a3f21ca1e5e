// The state of a batch of sequences between steps: a value to copy, store, reset row by row and pass on.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "recurra/network.h"

namespace recurra {

template <class T>
class BasicState {
 public:
  BasicState() = default;
  // The network's initial state for `batch` sequences.
  BasicState(const BasicNetwork<T>& network, Index batch);

  Index batch() const { return batch_; }
  Index size() const { return size_; }  // elements per sequence
  const std::vector<StateBlock>& blocks() const { return blocks_; }
  std::span<T> row(Index sequence) { return {data_.data() + sequence * size_, std::size_t(size_)}; }
  std::span<const T> row(Index sequence) const { return {data_.data() + sequence * size_, std::size_t(size_)}; }
  std::span<T> data() { return data_; }
  std::span<const T> data() const { return data_; }
  // Back to the initial state. Throws std::out_of_range.
  void reset(Index sequence);
  void reset();

  // Throws std::invalid_argument unless this is a finite state of a network with these blocks, for `batch` sequences.
  void check(const std::string& function, const std::vector<StateBlock>& blocks, Index batch) const;

 private:
  Index batch_ = 0, size_ = 0;
  std::vector<StateBlock> blocks_;
  std::vector<T> data_, initial_;
};

using State = BasicState<float>;

}  // namespace recurra
