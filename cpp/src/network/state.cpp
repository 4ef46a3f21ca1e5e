#include "recurra/state.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "model.h"

namespace recurra {

template <class T>
BasicState<T>::BasicState(const BasicNetwork<T>& network, Index batch)
    : batch_(batch),
      size_(network.state_size()),
      blocks_(network.state_blocks()),
      data_(std::size_t(batch * size_), T(0)),
      initial_(std::size_t(size_), T(0)) {
  network.model()->initial_state(network.flat().data(), initial_.data());
  reset();
}

template <class T>
void BasicState<T>::reset(Index sequence) {
  if (sequence < 0 || sequence >= batch_)
    throw std::out_of_range("reset: row is " + std::to_string(sequence) + ", expected 0 .. " + std::to_string(batch_ - 1));
  std::copy(initial_.begin(), initial_.end(), row(sequence).begin());
}

template <class T>
void BasicState<T>::reset() {
  for (Index sequence = 0; sequence < batch_; ++sequence) reset(sequence);
}

namespace {
std::string describe(const std::vector<StateBlock>& blocks) {
  std::string text;
  for (const StateBlock& block : blocks) text += (text.empty() ? "" : ", ") + block.name + " of " + block.layer;
  return "[" + text + "]";
}
}  // namespace

template <class T>
void BasicState<T>::check(const std::string& function, const std::vector<StateBlock>& blocks, Index batch) const {
  if (blocks_ != blocks)
    throw std::invalid_argument(function + ": state has blocks " + describe(blocks_) + ", expected " + describe(blocks));
  if (batch_ != batch)
    throw std::invalid_argument(function + ": state is for a batch of " + std::to_string(batch_) + ", expected " +
                                std::to_string(batch));
  for (Index i = 0; i < batch_; ++i)
    for (const StateBlock& block : blocks_)
      for (Index j = 0; j < block.width; ++j)
        if (!std::isfinite(row(i)[std::size_t(block.offset + j)]))
          throw std::invalid_argument(function + ": state has a non-finite value in '" + block.name + "' at (batch " +
                                      std::to_string(i) + ", unit " + std::to_string(j) + "), expected finite values");
}

template class BasicState<float>;
template class BasicState<double>;

}  // namespace recurra
