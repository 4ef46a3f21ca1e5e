#include "recurra/decode.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>

#include "batch.h"
#include "beam.h"
#include "checks.h"
#include "recurra/threads.h"
#include "sweep.h"
#include "threads.h"

namespace recurra {

namespace {

// Scores of classes to their log probabilities, in double precision so that none become equal.
template <class T>
void log_softmax(const T* scores, Index count, double* row) {
  const double largest = double(*std::max_element(scores, scores + count));
  double sum = 0;
  for (Index j = 0; j < count; ++j) sum += std::exp(double(scores[j]) - largest);
  const double shift = largest + std::log(sum);
  if (!std::isfinite(shift)) throw std::overflow_error("decode: the network's scores are not finite, expected finite values");
  for (Index j = 0; j < count; ++j) row[j] = double(scores[j]) - shift;
}

// How many different texts there are at most, up to `limit`: a wider beam is of no use.
Index num_texts(Index symbols, Index length, Index limit) {
  Index count = 1;
  for (Index i = 0; i < length && count < limit; ++i)
    if (__builtin_mul_overflow(count, symbols, &count)) return limit;
  return count;
}

// Decodes some sequences side by side, `beam` rows each.
template <class T>
class Decoder {
 public:
  Decoder(const Model<T>& model, const ModelWeights<T>& weights, const DecodeOptions& options)
      : model_(model), weights_(weights[0]), all_weights_(weights), options_(options), workspace_(model) {}

  // Rows of x, longest first; what is written for them goes to the same places of `result`.
  void run(const Sequences<T>& x, const std::vector<Index>& rows, std::vector<std::vector<Decoded>>& result,
           const Interrupt& interrupt) {
    const Index count = Index(rows.size()), beam = options_.beam, width = model_.output_size;
    std::vector<Index> order;
    for (Index i = 0; i < count * beam; ++i) order.push_back(i / beam);
    workspace_.decode(Schedule::sequences(count * beam, 1), order);
    workspace_.prepare(Schedule::sequences(window_lengths(x, rows, {0, x.time})), false);
    workspace_.set_noise({});
    workspace_.set_teacher(false, 0);
    gather_input(x, chain_steps(workspace_.schedule(), rows), {0, x.time}, workspace_);
    forward(all_weights_, workspace_, workspace_.schedule().all_levels(), interrupt);  // the first step as well
    const Index state = model_.decoder->decoder_state_size();
    states_.resize(std::size_t(count * beam * state));
    scores_.resize(std::size_t(beam * width));

    std::vector<Beam> beams(static_cast<std::size_t>(count), Beam(options_, model_.decoder->end()));
    for (bool going = true; going;) {
      for (Index row = 0; row < count * beam; ++row) model_.decoder->save_decoder(tape(), row, states_.data() + row * state);
      going = false;
      for (Index i = 0; i < count; ++i) going |= advance(beams[std::size_t(i)], i);
      if (going) model_.decoder->step_decoder(weights_, tape());
      if (interrupt && interrupt()) throw Interrupted{};
    }
    for (Index i = 0; i < count; ++i) result[std::size_t(rows[std::size_t(i)])] = beams[std::size_t(i)].result();
  }

 private:
  Tape<T>& tape() { return workspace_.tape(0); }

  // True if there is more to write for sequence i.
  bool advance(Beam& hypotheses, Index i) {
    if (hypotheses.size() == 0) return false;
    const Index width = model_.output_size, beam = options_.beam, state = model_.decoder->decoder_state_size();
    for (Index k = 0; k < hypotheses.size(); ++k)
      log_softmax(tape().y + (i * beam + k) * tape().y_stride, width, scores_.data() + k * width);
    hypotheses.advance(scores_.data(), width);
    for (Index k = 0; k < hypotheses.size(); ++k) {
      T* from = states_.data() + (i * beam + hypotheses.parent(k)) * state;
      from[0] = T(hypotheses.symbol(k));  // it is loaded before another one that goes on from there overwrites it
      model_.decoder->load_decoder(tape(), i * beam + k, from);
    }
    return hypotheses.size() > 0;
  }

  const Model<T>& model_;
  const Weights<T>& weights_;
  const ModelWeights<T>& all_weights_;
  const DecodeOptions& options_;
  Workspace<T> workspace_;
  std::vector<T> states_;
  std::vector<double> scores_;  // log probabilities
};

template <class T>
void check(const BasicNetwork<T>& network, const Sequences<T>& x, const DecodeOptions& options) {
  const auto require = [](bool condition, const std::string& what) {
    if (!condition) throw std::invalid_argument("decode: " + what);
  };
  require(network.num_symbols() > 0,
          "the network does not write symbols, expected an EncoderDecoder with an Embedding first in "
          "its decoder");
  require(options.max_length >= 1, "max_length is " + std::to_string(options.max_length) + ", expected at least 1");
  require(options.beam >= 1, "beam is " + std::to_string(options.beam) + ", expected at least 1");
  require(!x.teacher && x.target_time == 0 && !x.target_lengths,
          "x has a teacher or lengths of its target, expected none: it writes as it will");
  require(std::isfinite(options.length_power), "length_power is not finite, expected a number");
  expect_sequences("decode", *network.model(), x);
  check_batch("decode", x);
}

}  // namespace

template <class T>
std::vector<std::vector<Decoded>> decode(const BasicNetwork<T>& network, const Sequences<T>& x, const DecodeOptions& wanted) {
  check(network, x, wanted);
  const Model<T>& model = *network.model();
  DecodeOptions options = wanted;
  options.beam = std::min(options.beam, num_texts(model.output_size, options.max_length, options.beam));
  ModelWeights<T> weights(model);
  weights.refresh(model, network.flat().data());
  std::vector<std::vector<Decoded>> result(static_cast<std::size_t>(x.batch));
  const Index most = std::max<Index>(1, 256 / options.beam);  // side by side
  const int parts = int(std::clamp<Index>(x.batch / 8, 1, num_threads()));
  const auto shards = split_rows(x, parts);
  std::atomic<bool> stop{false};
  const auto part = [&](int p) {
    const std::vector<Index>& rows = shards[std::size_t(p)];
    const Interrupt interrupt = [&, p] {
      if (p == 0 && options.interrupt && options.interrupt()) stop = true;
      return stop.load();
    };
    Decoder<T> decoder(model, weights, options);
    for (Index begin = 0; begin < Index(rows.size()); begin += most) {
      const Index end = std::min(begin + most, Index(rows.size()));
      decoder.run(x, {rows.begin() + begin, rows.begin() + end}, result, interrupt);
    }
  };
  try {
    run_parts(parts, part);
  } catch (const Interrupted&) {
    throw InterruptedBatch{};
  }
  return result;
}

template <class T>
BasicNetwork<T> encoder(const BasicNetwork<T>& network) {
  if (!network.decodes())
    throw std::invalid_argument("encoder: the network does not decode, expected one with an EncoderDecoder");
  const std::vector<LayerSpec>& layers = network.layers().front().children.front().children;
  const std::string prefix = "0.encoder.";
  Index size = 0;
  for (const Parameter& parameter : network.parameters())
    if (parameter.name.starts_with(prefix)) size += parameter.size;
  const auto inside = [&](const std::vector<std::string>& names) {
    std::vector<std::string> own;
    for (const std::string& name : names)
      if (name.starts_with(prefix)) own.push_back(name.substr(prefix.size()));
    return own;
  };
  std::vector<std::vector<std::string>> tied;
  for (const std::vector<std::string>& group : network.tied())
    if (auto own = inside(group); own.size() > 1) tied.push_back(std::move(own));
  return BasicNetwork<T>(layers, std::vector<T>(network.flat().begin(), network.flat().begin() + size), std::move(tied),
                         inside(network.frozen()));
}

#define RECURRA_INSTANTIATE(T)                                                                                          \
  template std::vector<std::vector<Decoded>> decode(const BasicNetwork<T>&, const Sequences<T>&, const DecodeOptions&); \
  template BasicNetwork<T> encoder(const BasicNetwork<T>&);
RECURRA_INSTANTIATE(float)
RECURRA_INSTANTIATE(double)

}  // namespace recurra
