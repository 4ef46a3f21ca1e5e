#include "recurra/stream.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>

#include "finite.h"
#include "sweep.h"

namespace recurra {

namespace {

// Marks the stream as in use for a scope; converts to false if somebody else is inside.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& busy) : busy_(busy), mine_(!busy.exchange(true, std::memory_order_acquire)) {}
  ~Turn() {
    if (mine_) busy_.store(false, std::memory_order_release);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return mine_; }
  void require(const char* function) const {
    if (!mine_)
      throw std::runtime_error(std::string(function) + ": the stream is in use by another thread, expected one thread at a time");
  }

 private:
  std::atomic<bool>& busy_;
  bool mine_;
};

}  // namespace

template <class T>
struct BasicStream<T>::Impl {
  Impl(const BasicNetwork<T>& source, Index rows)
      : network(source),
        initial(source, rows),
        keep_model(source.model()),
        model(*keep_model),
        weights(model),
        workspace(model),
        batch(rows) {
    weights.refresh(model, source.flat().data());
    workspace.prepare(Schedule::sequences(batch, 1), false);
    load(initial);
  }
  void load(const BasicState<T>& state) {
    for (Index i = 0; i < batch; ++i) workspace.load_state(i, state.row(i).data());
  }
  bool valid(std::span<const T> x) const noexcept {
    if (!all_finite(x.data(), Index(x.size()))) return false;
    if (model.takes_ids())
      for (const T id : x)
        if (!(id >= T(0) && id < T(model.num_ids) && id == std::floor(id))) return false;
    return true;
  }
  void step(const T* x, T* y) noexcept {
    std::copy_n(x, batch * model.input_size, workspace.input());
    for (std::size_t i = 0; i < model.layers.size(); ++i) model.layers[i]->forward(weights[i], workspace.tape(i), {1, 2});
    const Tape<T>& last = workspace.last();
    for (Index i = 0; i < batch; ++i) std::copy_n(last.y + i * last.y_stride, model.output_size, y + i * model.output_size);
    workspace.carry(1);
  }

  const BasicNetwork<T>& network;  // used by reload() alone
  BasicState<T> initial;
  const std::shared_ptr<const Model<T>> keep_model;
  const Model<T>& model;
  ModelWeights<T> weights;
  Workspace<T> workspace;
  Index batch;
  std::atomic<bool> busy{false};
};

template <class T>
BasicStream<T>::BasicStream(const BasicNetwork<T>& network, Index batch) {
  if (batch < 1) throw std::invalid_argument("Stream: batch is " + std::to_string(batch) + ", expected at least 1");
  if (network.decodes())
    throw std::invalid_argument(
        "Stream: layer 0 (EncoderDecoder) reads a sequence to its end before it writes another, expected a network whose outputs "
        "come step by step; its encoder alone is one (encoder())");
  network.model()->expect_sequences("Stream");
  if (network.looks_ahead())
    throw std::invalid_argument("Stream: layer " + std::to_string(network.model()->looking_ahead) + " (" +
                                network.layers()[network.model()->looking_ahead].type +
                                ") looks ahead, expected a network whose outputs depend on earlier steps alone");
  impl_ = std::make_unique<Impl>(network, batch);
}
template <class T>
BasicStream<T>::~BasicStream() = default;
template <class T>
BasicStream<T>::BasicStream(BasicStream&&) noexcept = default;

template <class T>
Index BasicStream<T>::batch() const {
  return impl_->batch;
}
template <class T>
Index BasicStream<T>::input_size() const {
  return impl_->model.input_size;
}
template <class T>
Index BasicStream<T>::output_size() const {
  return impl_->model.output_size;
}
template <class T>
Index BasicStream<T>::teacher_size() const {
  return impl_->model.teacher_size();
}

template <class T>
bool BasicStream<T>::step(std::span<const T> x, std::span<T> y) noexcept {
  Impl& s = *impl_;
  const Turn turn{s.busy};
  if (!turn || Index(x.size()) != s.batch * s.model.input_size || Index(y.size()) != s.batch * s.model.output_size || !s.valid(x))
    return false;
  s.step(x.data(), y.data());
  return true;
}

template <class T>
bool BasicStream<T>::busy() const noexcept {
  return impl_->busy.load(std::memory_order_relaxed);
}

template <class T>
bool BasicStream<T>::observe(std::span<const T> seen) noexcept {
  Impl& s = *impl_;
  const Turn turn{s.busy};
  const Index width = s.model.teacher_size();
  if (!turn || width == 0 || Index(seen.size()) != s.batch * width || !all_finite(seen.data(), width * s.batch)) return false;
  for (Index i = 0; i < s.batch; ++i) s.workspace.observe(i, seen.data() + i * width);
  return true;
}

template <class T>
BasicState<T> BasicStream<T>::state() const {
  const Turn turn{impl_->busy};
  turn.require("state");
  BasicState<T> state = impl_->initial;
  for (Index i = 0; i < impl_->batch; ++i) impl_->workspace.save_state(0, i, state.row(i).data());
  return state;
}

template <class T>
void BasicStream<T>::set_state(const BasicState<T>& state) {
  const Turn turn{impl_->busy};
  turn.require("set_state");
  state.check("set_state", impl_->initial.blocks(), impl_->batch);
  impl_->load(state);
}

template <class T>
void BasicStream<T>::reset() {
  const Turn turn{impl_->busy};
  turn.require("reset");
  impl_->load(impl_->initial);
}

template <class T>
void BasicStream<T>::reset(Index sequence) {
  const Turn turn{impl_->busy};
  turn.require("reset");
  if (sequence < 0 || sequence >= impl_->batch)
    throw std::out_of_range("reset: row is " + std::to_string(sequence) + ", expected 0 .. " + std::to_string(impl_->batch - 1));
  impl_->workspace.load_state(sequence, impl_->initial.row(sequence).data());
}

template <class T>
void BasicStream<T>::reload() {
  const Turn turn{impl_->busy};
  turn.require("reload");
  if (impl_->network.layers() != impl_->model.specs)
    throw std::invalid_argument("reload: the network has other layers now, expected those the stream was made with");
  impl_->weights.refresh(impl_->model, impl_->network.flat().data());
  impl_->initial = BasicState<T>(impl_->network, impl_->batch);
}

template class BasicStream<float>;
template class BasicStream<double>;

}  // namespace recurra
