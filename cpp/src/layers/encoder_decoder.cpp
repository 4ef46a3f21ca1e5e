#include "encoder_decoder.h"

#include <algorithm>
#include <stdexcept>

namespace recurra {

namespace {

template <class T>
struct EncoderDecoderWeights : WrapperWeights<T> {
  std::vector<T> encoder_start, decoder_start;  // the states a sequence begins with; of the decoder what it feeds back counts
  std::size_t bytes() const override { return WrapperWeights<T>::bytes() + bytes_of(encoder_start, decoder_start); }
};

template <class T>
struct EncoderDecoderTape : WrapperTape<T> {
  Memory<T> memory;              // the encoder's outputs
  Schedule starts;               // of the bridge: one step per sequence written
  std::vector<T> ends, dends;    // [output sequences] the encoder's states at the end of what each reads
  std::vector<T> begin, dbegin;  // [output sequences] the states the decoder's net begins with
  std::vector<T> state;          // one sequence's
  std::vector<Index> sequence;   // the caller's number of each output sequence
  std::size_t bytes() const override {
    return WrapperTape<T>::bytes() + memory.bytes() + bytes_of(ends, dends, begin, dbegin, state, sequence);
  }
};

template <class T>
EncoderDecoderTape<T>& of(Tape<T>& tape) {
  return static_cast<EncoderDecoderTape<T>&>(tape);
}

constexpr std::size_t encoder = 0, decoder = 1, bridge = 2;

}  // namespace

template <class T>
EncoderDecoder<T>::EncoderDecoder(std::vector<Child<T>> children, std::vector<StateCopy> copies, Index num_symbols,
                                  std::optional<Index> end)
    : Wrapper<T>(std::move(children)), copies_(std::move(copies)), num_symbols_(num_symbols), end_(end) {}

template <class T>
Index EncoderDecoder<T>::decoder_state_size() const {
  return total_width(this->child(decoder).state());
}

template <class T>
Index EncoderDecoder<T>::net_state_width() const {
  return decoder_state_size() - this->child(decoder).feedbacks().front();
}

template <class T>
void EncoderDecoder<T>::place(std::size_t i, Part<T>& part) const {
  if (i == encoder) return;
  part.gives_dx = true;
  part.pace.step = i == decoder ? Per::written : Per::sequence;
}

template <class T>
std::unique_ptr<Weights<T>> EncoderDecoder<T>::make_weights() const {
  auto weights = std::make_unique<EncoderDecoderWeights<T>>();
  for (std::size_t i = 0; i < this->size(); ++i) weights->children.push_back(this->child(i).make_weights());
  return weights;
}

template <class T>
void EncoderDecoder<T>::refresh(const T* params, Weights<T>& weights) const {
  Wrapper<T>::refresh(params, weights);
  auto& w = static_cast<EncoderDecoderWeights<T>&>(weights);
  w.encoder_start.resize(std::size_t(total_width(this->child(encoder).state())));
  w.decoder_start.resize(std::size_t(decoder_state_size()));
  this->child(encoder).initial_state(params, w.encoder_start.data());
  this->child(decoder).initial_state(params, w.decoder_start.data());  // nothing in the decoder learns its initial state
}

template <class T>
std::unique_ptr<Tape<T>> EncoderDecoder<T>::make_tape() const {
  auto tape = std::make_unique<EncoderDecoderTape<T>>();
  for (std::size_t i = 0; i < this->size(); ++i) tape->children.push_back(this->child(i).make_tape());
  return tape;
}

template <class T>
void EncoderDecoder<T>::reserve(Tape<T>& base, bool backward) const {
  auto& tape = of(base);
  if (!tape.in->is_chain()) throw std::invalid_argument("EncoderDecoder: the nodes form a graph, expected sequences");
  if (tape.seeds != 1) throw std::logic_error("EncoderDecoder: several cotangents per row, expected one");
  const Index written = tape.out->num_roots(), read = tape.in->num_roots(), width = this->child(encoder).output_size();
  const Index ends = total_width(this->child(encoder).state());

  Memory<T>& memory = tape.memory;
  memory.width = width;
  memory.first.clear();
  memory.length.clear();
  for (Index i = 0, first = 0; i < read; first += memory.length.back(), ++i) {
    memory.first.push_back(first);
    memory.length.push_back(tape.in->length(i));
  }
  memory.source.assign(tape.order, tape.order + written);
  memory.rows.resize(std::size_t(tape.in->num_nodes() * width));
  if (backward) memory.drows.resize(memory.rows.size());

  Tape<T>& reading = this->tape(base, encoder);
  reading.in = reading.out = tape.in;
  reading.goes_back_once = tape.goes_back_once;
  reading.x = tape.x;
  reading.x_stride = tape.x_stride;
  this->child(encoder).reserve(reading, backward);
  Tape<T>& writing = this->tape(base, decoder);
  writing.in = writing.out = tape.out;
  writing.goes_back_once = tape.goes_back_once;
  writing.memory = &memory;
  this->child(decoder).reserve(writing, backward);
  tape.y = writing.y;
  tape.y_stride = writing.y_stride;
  tape.dy = writing.dy;
  tape.dy_stride = writing.dy_stride;

  tape.ends.resize(std::size_t(written * ends));
  tape.begin.resize(std::size_t(written * net_state_width()));
  if (backward) {
    tape.dends.resize(tape.ends.size());
    tape.dbegin.resize(tape.begin.size());
  }
  tape.state.resize(std::size_t(std::max(ends, decoder_state_size())));
  tape.sequence.resize(std::size_t(written));
  if (!has_bridge()) return;
  tape.starts = Schedule::sequences(written, 1);
  Tape<T>& linear = this->tape(base, bridge);
  linear.in = linear.out = &tape.starts;
  linear.x = tape.ends.data();
  linear.x_stride = ends;
  this->child(bridge).reserve(linear, backward);
}

template <class T>
void EncoderDecoder<T>::link_both(Tape<T>& base) const {
  auto& tape = of(base);
  for (std::size_t i = 0; tape.noise.sequence && i < tape.sequence.size(); ++i)
    tape.sequence[i] = tape.noise.sequence[tape.order[i]];
  this->link(base, encoder, tape.x, tape.x_stride, tape.dx, tape.dx_stride);
  this->link(base, decoder, tape.x, 0, nullptr, 0);  // no input but what it wrote
  this->tape(base, encoder).teacher = {};
  this->tape(base, decoder).noise.sequence = tape.noise.sequence ? tape.sequence.data() : nullptr;
  if (has_bridge()) {
    const Index ends = total_width(this->child(encoder).state());
    this->link(base, bridge, tape.ends.data(), ends, tape.dends.empty() ? nullptr : tape.dends.data(), ends);
  }
}

// From levels to sequences.
template <class T>
void EncoderDecoder<T>::fill_memory(Tape<T>& base) const {
  auto& tape = of(base);
  const Tape<T>& reading = this->tape(base, encoder);
  Memory<T>& memory = tape.memory;
  ++memory.version;
  for (std::size_t i = 0; i < memory.length.size(); ++i)
    for (Index step = 0; step < memory.length[i]; ++step)
      std::copy_n(reading.y + (tape.in->first_node(step + 1) + Index(i)) * reading.y_stride, memory.width,
                  memory.rows.begin() + (memory.first[i] + step) * memory.width);
}

template <class T>
void EncoderDecoder<T>::start_decoder(const Weights<T>& weights, Tape<T>& base) const {
  auto& tape = of(base);
  const auto& w = static_cast<const EncoderDecoderWeights<T>&>(weights);
  const Index ends = total_width(this->child(encoder).state()), width = net_state_width();
  for (Index i = 0; i < tape.out->num_roots(); ++i) {
    T* end = tape.ends.data() + i * ends;
    this->child(encoder).save_state(this->tape(base, encoder), tape.in->length(tape.order[i]), tape.order[i], end);
    for (const StateCopy& c : copies_) std::copy_n(end + c.from, c.width, tape.begin.begin() + i * width + c.to);
  }
  if (has_bridge()) {
    Tape<T>& linear = this->tape(base, bridge);
    this->child(bridge).forward(this->weights(weights, bridge), linear, {1, 2});
    std::copy_n(linear.y, tape.out->num_roots() * width, tape.begin.begin());
  }
  for (Index i = 0; i < tape.out->num_roots(); ++i) {
    const auto fed = std::copy_n(w.decoder_start.begin(), decoder_state_size() - width, tape.state.begin());
    std::copy_n(tape.begin.begin() + i * width, width, fed);
    this->child(decoder).load_state(this->tape(base, decoder), i, tape.state.data());
  }
}

template <class T>
void EncoderDecoder<T>::forward(const Weights<T>& weights, Tape<T>& base, Levels) const {
  auto& tape = of(base);
  const auto& w = static_cast<const EncoderDecoderWeights<T>&>(weights);
  link_both(base);
  for (Index i = 0; i < tape.in->num_roots(); ++i)
    this->child(encoder).load_state(this->tape(base, encoder), i, w.encoder_start.data());
  this->child(encoder).forward(this->weights(weights, encoder), this->tape(base, encoder), tape.in->all_levels());
  fill_memory(base);
  start_decoder(weights, base);
  this->child(decoder).forward(this->weights(weights, decoder), this->tape(base, decoder), tape.out->all_levels());
}

template <class T>
void EncoderDecoder<T>::tangent(const Weights<T>&, Tape<T>&, Levels) const {
  throw std::invalid_argument(
      "EncoderDecoder: it reads a sequence to its end, expected a network that goes forward step by step");
}

template <class T>
void EncoderDecoder<T>::clear_cotangents(Tape<T>& base) const {
  auto& tape = of(base);
  Wrapper<T>::clear_cotangents(base);
  std::fill(tape.memory.drows.begin(), tape.memory.drows.end(), T(0));
  std::fill(tape.dends.begin(), tape.dends.end(), T(0));
  std::fill(tape.dbegin.begin(), tape.dbegin.end(), T(0));
}

template <class T>
void EncoderDecoder<T>::start_decoder_back(const Weights<T>& weights, Tape<T>& base) const {
  auto& tape = of(base);
  const Index ends = total_width(this->child(encoder).state()), width = net_state_width();
  for (Index i = 0; i < tape.out->num_roots(); ++i) {
    this->child(decoder).save_cotangent(this->tape(base, decoder), 0, i, 0, tape.state.data());
    std::copy_n(tape.state.begin() + (decoder_state_size() - width), width, tape.dbegin.begin() + i * width);
    for (const StateCopy& c : copies_)
      std::copy_n(tape.dbegin.begin() + i * width + c.to, c.width, tape.dends.begin() + i * ends + c.from);
  }
  if (has_bridge()) {
    Tape<T>& linear = this->tape(base, bridge);
    std::copy(tape.dbegin.begin(), tape.dbegin.end(), linear.dy);
    this->child(bridge).backward(this->weights(weights, bridge), linear, {1, 2});
  }
  for (Index i = 0; i < tape.out->num_roots(); ++i)
    this->child(encoder).add_cotangent(this->tape(base, encoder), tape.in->length(tape.order[i]), tape.order[i], 0,
                                       tape.dends.data() + i * ends);
}

template <class T>
void EncoderDecoder<T>::read_cotangents(Tape<T>& base) const {
  const auto& tape = of(base);
  const Tape<T>& reading = this->tape(base, encoder);
  const Memory<T>& memory = tape.memory;
  for (std::size_t i = 0; i < memory.length.size(); ++i)
    for (Index step = 0; step < memory.length[i]; ++step) {
      const T* from = memory.drows.data() + (memory.first[i] + step) * memory.width;
      T* dy = reading.dy + (tape.in->first_node(step + 1) + Index(i)) * reading.dy_stride;
      for (Index j = 0; j < memory.width; ++j) dy[j] += from[j];
    }
}

template <class T>
void EncoderDecoder<T>::backward(const Weights<T>& weights, Tape<T>& base, Levels) const {
  auto& tape = of(base);
  link_both(base);
  this->child(decoder).backward(this->weights(weights, decoder), this->tape(base, decoder), tape.out->all_levels());
  start_decoder_back(weights, base);
  read_cotangents(base);
  this->child(encoder).backward(this->weights(weights, encoder), this->tape(base, encoder), tape.in->all_levels());
}

template <class T>
void EncoderDecoder<T>::gradient(Tape<T>& base, Levels, GradientTarget<T> target) const {
  auto& tape = of(base);
  T* to = target.data;
  for (std::size_t i = 0; i < this->size(); ++i) {
    const Levels levels = i == encoder ? tape.in->all_levels() : i == decoder ? tape.out->all_levels() : Levels{1, 2};
    this->child(i).gradient(this->tape(base, i), levels, {to, target.stride});
    if (i == encoder) this->child(i).initial_gradient(this->tape(base, i), {to, target.stride});
    for (const ParameterSpec& spec : this->child(i).parameters()) to += spec.size();
  }
}

template <class T>
void EncoderDecoder<T>::save_decoder(const Tape<T>& base, Index row, T* to) const {
  this->child(decoder).save_state(*static_cast<const WrapperTape<T>&>(base).children[decoder], 1, row, to);
}

template <class T>
void EncoderDecoder<T>::load_decoder(Tape<T>& base, Index row, const T* from) const {
  this->child(decoder).load_state(this->tape(base, decoder), row, from);
}

template <class T>
void EncoderDecoder<T>::step_decoder(const Weights<T>& weights, Tape<T>& base) const {
  this->child(decoder).forward(this->weights(weights, decoder), this->tape(base, decoder), {1, 2});
}

template class EncoderDecoder<float>;
template class EncoderDecoder<double>;

}  // namespace recurra
