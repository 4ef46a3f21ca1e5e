#include "recurra/stream.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../layers/row_team.h"
#include "finite.h"
#include "narrow_weights.h"
#include "turn.h"
#include "workspace.h"

namespace recurra {

template <class T>
struct BasicStream<T>::Impl {
  Impl(const BasicNetwork<T>& source, const StreamOptions& options)
      : network(source),
        initial(source, options.batch),
        keep_model(source.model()),
        model(*keep_model),
        team(options.threads > 1 ? std::make_unique<RowTeam>(options.threads) : nullptr),
        use{options.weights, team.get()},
        weights(model, options.batch == 1 ? &use : nullptr),
        workspace(model),
        batch(options.batch) {
    refresh();
    workspace.prepare(Schedule::sequences(batch, 1), false);
    for (std::size_t i = 0; i < model.layers.size(); ++i) places.push_back({*model.layers[i], weights[i], workspace.tape(i)});
    own_y = workspace.last().y;
    const std::size_t end = model.layers.size() - 1;
    writes_there = model.layers[end]->writes_anywhere(weights[end], workspace.tape(end));
    load(initial);
  }
  void refresh() {
    std::vector<T> flat(network.flat().begin(), network.flat().end());
    weight_error = narrow_weights(model, use.format, flat);
    weights.refresh(model, flat.data());
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
    Tape<T>& last = places.back().tape;
    const bool there = writes_there && (y + model.output_size <= x || x + model.input_size <= y);  // x is still read meanwhile
    last.y = there ? y : own_y;
    places.front().tape.x = x;  // read where it lies
    for (const Place& place : places) place.layer.advance(place.weights, place.tape);
    if (there) return;
    for (Index i = 0; i < batch; ++i) std::copy_n(last.y + i * last.y_stride, model.output_size, y + i * model.output_size);
  }

  // Room for so many steps at once; a network that pools has but one output after all of them, and goes step by step.
  Index piece(Index steps) const {
    constexpr Index rows = 192;  // what one layer writes is still in the cache when the next one reads it
    return model.pools() ? 1 : std::min(steps, std::max<Index>(1, rows / batch));
  }
  void reserve(Index steps) {
    if (block && block->schedule().num_levels() >= steps) return;
    auto larger = std::make_unique<Workspace<T>>(model);
    larger->prepare(Schedule::sequences(batch, steps), false);
    carried.resize(std::size_t(model.state_offset.back()));
    block = std::move(larger);
  }
  void move_state(const Workspace<T>& from, Workspace<T>& to) {
    for (Index i = 0; i < batch; ++i) {
      from.save_state(0, i, carried.data());
      to.load_state(i, carried.data());
    }
  }
  // x and y begin at the first of these steps; those of the next row are `time` steps behind.
  void process_piece(const T* x, T* y, Index steps, Index time) {
    const auto place = [&](Index sequence, Index step) { return sequence * time + step; };
    const Index inputs = model.input_size, outputs = model.output_size;
    T* gathered = block->input();
    for (Index t = 0; batch > 1 && t < steps; ++t)
      for (Index i = 0; i < batch; ++i) gathered = std::copy_n(x + place(i, t) * inputs, inputs, gathered);
    block->tape(0).x = batch > 1 ? block->input() : x;  // read where it lies
    for (std::size_t i = 0; i < model.layers.size(); ++i) model.layers[i]->forward(weights[i], block->tape(i), {1, steps + 1});
    block->carry(steps);
    const Tape<T>& last = block->last();
    for (Index t = 0; t < steps; ++t)
      for (Index i = 0; i < batch; ++i) std::copy_n(last.y + (t * batch + i) * last.y_stride, outputs, y + place(i, t) * outputs);
  }
  void process(const T* x, T* y, Index steps) {
    const Index most = piece(steps);
    reserve(most);
    move_state(workspace, *block);
    for (Index t = 0; t < steps; t += most)
      process_piece(x + t * model.input_size, y + t * model.output_size, std::min(most, steps - t), steps);
    move_state(*block, workspace);
  }

  const BasicNetwork<T>& network;  // used by reload() alone
  BasicState<T> initial;
  const std::shared_ptr<const Model<T>> keep_model;
  const Model<T>& model;
  const std::unique_ptr<RowTeam> team;
  const RowUse use;
  ModelWeights<T> weights;
  std::vector<WeightError> weight_error;
  Workspace<T> workspace;
  struct Place {
    const Layer<T>& layer;
    const Weights<T>& weights;
    Tape<T>& tape;
  };
  std::vector<Place> places;            // of the layers, for a step
  T* own_y = nullptr;                   // of the last layer,
  bool writes_there;                    // which may instead write to where the caller wants the output of a step
  std::unique_ptr<Workspace<T>> block;  // of process(); its state is moved in and out
  std::vector<T> carried;
  Index batch;
  OneThread user;
};

template <class T>
BasicStream<T>::BasicStream(const BasicNetwork<T>& network, const StreamOptions& options) {
  const auto refuse = [](const std::string& what) { throw std::invalid_argument("Stream: " + what); };
  if (options.batch < 1) refuse("batch is " + std::to_string(options.batch) + ", expected at least 1");
  if (options.threads < 1 || options.threads > RowTeam::most)
    refuse("threads is " + std::to_string(options.threads) + ", expected 1 .. " + std::to_string(RowTeam::most));
  if (options.threads > 1 && options.batch > 1)
    refuse("threads is " + std::to_string(options.threads) + " for a batch of " + std::to_string(options.batch) +
           ", expected 1: the products of one sequence can be shared");
  if (sizeof(T) != sizeof(float) && options.weights != WeightFormat::full)
    refuse("weights are to be narrower than float32 in a float64 network, expected a float32 network");
  if (network.decodes())
    throw std::invalid_argument(
        "Stream: layer 0 (EncoderDecoder) reads a sequence to its end before it writes another, expected a network whose outputs "
        "come step by step; its encoder alone is one (encoder())");
  network.model()->expect_sequences("Stream");
  if (network.looks_ahead())
    throw std::invalid_argument("Stream: layer " + std::to_string(network.model()->looking_ahead) + " (" +
                                network.layers()[network.model()->looking_ahead].type +
                                ") looks ahead, expected a network whose outputs depend on earlier steps alone");
  impl_ = std::make_unique<Impl>(network, options);
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
  const Turn turn{s.user, Turn::stays};
  if (!turn || Index(x.size()) != s.batch * s.model.input_size || Index(y.size()) != s.batch * s.model.output_size || !s.valid(x))
    return false;
  s.step(x.data(), y.data());
  return true;
}

template <class T>
bool BasicStream<T>::process(std::span<const T> x, std::span<T> y, Index steps) {
  Impl& s = *impl_;
  const Turn turn{s.user, Turn::stays};
  const auto fits = [&](std::size_t size, Index width) {
    Index expected;
    return !__builtin_mul_overflow(s.batch * width, steps, &expected) && Index(size) == expected;
  };
  if (!turn || steps < 0 || !fits(x.size(), s.model.input_size) || !fits(y.size(), s.model.output_size) || !s.valid(x))
    return false;
  if (steps > 0) s.process(x.data(), y.data(), steps);
  return true;
}

template <class T>
const std::vector<WeightError>& BasicStream<T>::weight_error() const {
  return impl_->weight_error;
}

template <class T>
std::size_t BasicStream<T>::bytes() const {
  const Turn turn{impl_->user, Turn::visits};
  turn.require("bytes");
  std::size_t sum = impl_->workspace.bytes() + (impl_->block ? impl_->block->bytes() : 0);
  for (std::size_t i = 0; i < impl_->model.layers.size(); ++i) sum += impl_->weights[i].bytes();
  return sum;
}

template <class T>
bool BasicStream<T>::busy() const noexcept {
  return impl_->user.inside();
}

template <class T>
bool BasicStream<T>::observe(std::span<const T> seen) noexcept {
  Impl& s = *impl_;
  const Turn turn{s.user, Turn::stays};
  const Index width = s.model.teacher_size();
  if (!turn || width == 0 || Index(seen.size()) != s.batch * width || !all_finite(seen.data(), width * s.batch)) return false;
  for (Index i = 0; i < s.batch; ++i) s.workspace.observe(i, seen.data() + i * width);
  return true;
}

template <class T>
BasicState<T> BasicStream<T>::state() const {
  const Turn turn{impl_->user, Turn::visits};
  turn.require("state");
  BasicState<T> state = impl_->initial;
  for (Index i = 0; i < impl_->batch; ++i) impl_->workspace.save_state(0, i, state.row(i).data());
  return state;
}

template <class T>
void BasicStream<T>::set_state(const BasicState<T>& state) {
  const Turn turn{impl_->user, Turn::visits};
  turn.require("set_state");
  state.check("set_state", impl_->initial.blocks(), impl_->batch);
  impl_->load(state);
}

template <class T>
void BasicStream<T>::reset() {
  const Turn turn{impl_->user, Turn::visits};
  turn.require("reset");
  impl_->load(impl_->initial);
}

template <class T>
void BasicStream<T>::reset(Index sequence) {
  const Turn turn{impl_->user, Turn::visits};
  turn.require("reset");
  if (sequence < 0 || sequence >= impl_->batch)
    throw std::out_of_range("reset: row is " + std::to_string(sequence) + ", expected 0 .. " + std::to_string(impl_->batch - 1));
  impl_->workspace.load_state(sequence, impl_->initial.row(sequence).data());
}

template <class T>
void BasicStream<T>::reload() {
  const Turn turn{impl_->user, Turn::visits};
  turn.require("reload");
  if (impl_->network.layers() != impl_->model.specs)
    throw std::invalid_argument("reload: the network has other layers now, expected those the stream was made with");
  impl_->refresh();
  impl_->initial = BasicState<T>(impl_->network, impl_->batch);
}

template class BasicStream<float>;
template class BasicStream<double>;

}  // namespace recurra
