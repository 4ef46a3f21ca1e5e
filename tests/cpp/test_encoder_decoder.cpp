// EncoderDecoder through a runner: gradients = central differences, outputs = its parts run by hand, a batch = a loop over its
// rows, and what is refused.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <utility>

#include "recurra/decode.h"
#include "recurra/fit.h"
#include "recurra/stream.h"
#include "recurra/threads.h"
#include "translation_problem.h"

namespace {

using namespace recurra;
using namespace recurra::layers;
using test::difference;
using test::symbols;
using test::Translation;
using test::Vector;
using test::with_bridge;

void check_gradient(Translation& problem, const Sequences<double>& x, const Target<double>& target, const RunOptions& options) {
  BasicRunner<double> runner(problem.network);
  Vector gradient(problem.network.flat().size(), 0.5);
  const double value = runner.loss_and_gradient(x, target, problem.loss(), gradient.data(), nullptr, options);
  for (double& g : gradient) g -= 0.5;  // it was added
  const auto objective = [&] { return runner.loss(x, target, problem.loss(), nullptr, options); };
  CHECK(value == doctest::Approx(objective()).epsilon(1e-14));
  CHECK(difference(gradient, test::central_difference(problem.network.flat(), objective)) < 1e-8);
}

// The largest element of a gradient by the parameters whose names hold this text.
double largest_by(const Translation& problem, const Vector& gradient, const std::string& name) {
  double largest = 0;
  for (const Parameter& p : problem.network.parameters())
    for (Index j = 0; p.name.find(name) != std::string::npos && j < p.size; ++j)
      largest = std::max(largest, std::abs(gradient[std::size_t(p.offset + j)]));
  return largest;
}

}  // namespace

TEST_CASE("encoder-decoder: gradients by all parameters = central differences") {
  for (const test::TranslationCase& c : test::translation_cases()) {
    CAPTURE(c.name);
    Translation problem({c.layer});
    const RunOptions plain, drawn{.training = true, .noise = 5};
    const Sequences<double> x = problem.sequences();
    Target<double> target = problem.target();
    check_gradient(problem, x, target, plain);
    check_gradient(problem, x, target, drawn);
    // By scheduled sampling a value written passes its gradient on; the choice of a symbol is not differentiable, and a central
    // difference does not change it either.
    for (const double sampling : {0.5, 1.0}) {
      RunOptions options = drawn;
      options.sampling = sampling;
      check_gradient(problem, x, target, options);
    }
    target.mask = problem.mask.data();
    check_gradient(problem, x, target, drawn);
    const std::vector<Index> rows{4, 3, 5, 0, 1};
    Sequences<double> some = x;
    some.rows = rows.data();
    some.batch = 5;
    check_gradient(problem, some, problem.target(), plain);

    const Vector gradient = problem.gradient();  // every part has learnt something
    for (const Parameter& p : problem.network.parameters()) {
      CAPTURE(p.name);
      CHECK(largest_by(problem, gradient, p.name) > 1e-5);
    }
  }
}

TEST_CASE("encoder-decoder: symbols it has chosen itself are a teacher's, no gradient passes through their choice") {
  for (const test::TranslationCase& c : test::translation_cases()) {
    Translation problem({c.layer});
    if (!problem.writes_symbols()) continue;
    CAPTURE(c.name);
    Sequences<double> x = problem.sequences();
    const Vector y = problem.forward(x);  // its own symbols all the way
    Vector chosen;
    for (Index i = 0; i < x.batch * x.target_time; ++i) chosen.push_back(double(test::largest(y.data() + i * 5, 5)));
    const Vector sampled = problem.gradient({.sampling = 1}), taught = problem.gradient();
    Vector by_hand(sampled.size());
    x.teacher = chosen.data();
    BasicRunner<double>(problem.network).loss_and_gradient(x, problem.target(), problem.loss(), by_hand.data());
    CHECK(difference(sampled, by_hand) < 1e-14);
    CHECK(difference(sampled, taught) > 1e-4);
    CHECK(difference(problem.forward(x), y) < 1e-14);
  }
}

TEST_CASE("encoder-decoder: a batch is a loop over its rows, in any order, by any number of threads") {
  const int before = num_threads();
  for (const test::TranslationCase& c : test::translation_cases()) {
    CAPTURE(c.name);
    const Translation problem({c.layer});
    BasicRunner<double> runner(problem.network);
    const Index width = problem.target_time * problem.network.output_size();
    for (const bool closed : {false, true}) {
      CAPTURE(closed);
      Sequences<double> x = problem.sequences();
      Vector symbols_taught;
      for (const std::int64_t id : problem.classes) symbols_taught.push_back(double(id));
      if (!closed) x.teacher = problem.writes_symbols() ? symbols_taught.data() : problem.values.data();
      const Vector together = problem.forward(x), gradient = problem.gradient();
      Vector sum(gradient.size());
      double entries = 0;
      for (const Index length : problem.target_lengths) entries += double(length);
      for (Index row = 0; row < x.batch; ++row) {
        Sequences<double> one = x;
        one.rows = &row;
        one.batch = 1;
        const Vector alone = problem.forward(one);
        CHECK(difference(alone, std::span(together).subspan(std::size_t(row * width), std::size_t(width))) < 1e-13);
        const Index valid = problem.target_lengths[std::size_t(row)] * problem.network.output_size();
        for (Index j = valid; j < width; ++j) CHECK(alone[std::size_t(j)] == 0);
        if (closed) continue;
        Vector part(gradient.size());
        runner.loss_and_gradient(one, problem.target(), problem.loss(), part.data());
        for (std::size_t j = 0; j < part.size(); ++j)
          sum[j] += part[j] * double(problem.target_lengths[std::size_t(row)]) / entries;
      }
      if (!closed) CHECK(difference(sum, gradient) < 1e-13);
    }
    // The same rows over and over: enough for two threads, each with rows of its own.
    std::vector<Index> rows;
    while (rows.size() < 800) rows.push_back(Index(rows.size() * 5 % 6));
    Sequences<double> many = problem.sequences();
    many.rows = rows.data();
    many.batch = Index(rows.size());
    const auto run = [&](int threads) {
      set_num_threads(threads);
      Vector result(problem.network.flat().size());
      BasicRunner<double> shared(problem.network);
      const RunOptions options{.training = true, .noise = 3, .sampling = 0.5};
      result.push_back(shared.loss_and_gradient(many, problem.target(), problem.loss(), result.data(), nullptr, options));
      const Vector y = problem.forward(many);
      result.insert(result.end(), y.begin(), y.end());
      return result;
    };
    const Vector one = run(1), two = run(2);
    CHECK(difference(two, one) < 1e-12);
    CHECK(two != one);  // it was split
    CHECK(run(2) == two);
  }
  set_num_threads(before);
}

TEST_CASE("encoder-decoder: padding is never read, single precision is near") {
  for (const test::TranslationCase& c : test::translation_cases()) {
    CAPTURE(c.name);
    Translation problem({c.layer});
    const Vector gradient = problem.gradient(), y = problem.forward(problem.sequences());
    test::BasicTranslation<float> near({c.layer});
    CHECK(difference(near.forward(near.sequences()), y) < 1e-4);
    const Index inputs = problem.network.input_size(), outputs = problem.network.output_size();
    for (Index i = 0; i < problem.batch; ++i) {
      for (Index t = problem.lengths[std::size_t(i)]; t < problem.time; ++t)
        std::fill_n(problem.x.begin() + (i * problem.time + t) * inputs, inputs, std::numeric_limits<double>::quiet_NaN());
      for (Index t = problem.target_lengths[std::size_t(i)]; t < problem.target_time; ++t) {
        std::fill_n(problem.values.begin() + (i * problem.target_time + t) * outputs, outputs, HUGE_VAL);
        problem.classes[std::size_t(i * problem.target_time + t)] = -7;
      }
    }
    CHECK(problem.gradient() == gradient);
    CHECK(problem.forward(problem.sequences()) == y);
  }
}

namespace {

// An encoder-decoder's parts, put together again by hand: the encoder and the layers of the decoder before its attention as
// networks of their own, attention and the last Linear in loops.
struct Parts {
  struct Attend {  // null: no attention; v null: dot
    const double *query = nullptr, *key = nullptr, *bias = nullptr, *v = nullptr;
    Index units = 0;
  };
  Parts(const Translation& problem, std::vector<LayerSpec> first_layers)
      : network(problem.network), reader(encoder(problem.network)), first(first_layers), problem_(problem) {
    for (double& value : first.flat()) value = take(1)[0];
    reading = Vector(std::size_t(problem.batch * problem.time * reader.output_size()));
    states = BasicState<double>(reader, problem.batch);
    const Sequences<double> x{problem.x.data(), problem.batch, problem.time, problem.lengths.data()};
    BasicRunner<double>(reader).forward(x, reading.data(), &states);
  }
  // The next parameters of the decoder, in their order.
  const double* take(Index count) {
    const double* from = network.flat().data() + reader.flat().size() + taken;
    taken += count;
    return from;
  }
  // [x, context of sequence i]
  Vector attended(const Vector& query, Index i, const Attend& a) const {
    const Index width = reader.output_size(), length = problem_.lengths[std::size_t(i)];
    Vector scores, result = query;
    for (Index s = 0; s < length; ++s) {
      const double* m = reading.data() + (i * problem_.time + s) * width;
      double score = 0;
      for (Index j = 0; !a.v && j < width; ++j) score += query[std::size_t(j)] * m[j];
      for (Index u = 0; a.v && u < a.units; ++u) {
        double sum = a.bias[u];
        for (std::size_t j = 0; j < query.size(); ++j) sum += a.query[std::size_t(u) * query.size() + j] * query[j];
        for (Index j = 0; j < width; ++j) sum += a.key[u * width + j] * m[j];
        score += a.v[u] * std::tanh(sum);
      }
      scores.push_back(score);
    }
    result.resize(query.size() + std::size_t(width));
    if (length == 0) return result;
    const Vector weights = test::log_probabilities(scores.data(), length);
    for (Index s = 0; s < length; ++s)
      for (Index j = 0; j < width; ++j)
        result[query.size() + std::size_t(j)] +=
            std::exp(weights[std::size_t(s)]) * reading[std::size_t((i * problem_.time + s) * width + j)];
    return result;
  }
  static Vector affine(const double* weight, const Vector& x, Index outputs) {
    Vector y(weight + outputs * Index(x.size()), weight + outputs * Index(x.size() + 1));
    for (std::size_t k = 0; k < y.size(); ++k)
      for (std::size_t j = 0; j < x.size(); ++j) y[k] += weight[k * x.size() + j] * x[j];
    return y;
  }

  const BasicNetwork<double>& network;
  BasicNetwork<double> reader, first;
  Vector reading;
  BasicState<double> states;
  Index taken = 0;

 private:
  const Translation& problem_;
};

enum class Look { nowhere, dot, additive };

// Every step of every sequence by hand, with a teacher and without.
// `order`: the elements of the encoder's state in the order of the decoder's, where they are copied and it is another one.
void check_by_hand(std::vector<LayerSpec> encoder_layers, std::vector<LayerSpec> first, Look look, bool bridge = false,
                   const std::vector<Index>& order = {}) {
  const bool of_symbols = first.front().type == "Embedding";
  const Index outputs = of_symbols ? 5 : 3, units = 3;
  std::vector<LayerSpec> decoder_layers = first;
  const Index hidden = BasicNetwork<double>(first).output_size(), memory = BasicNetwork<double>(encoder_layers).output_size();
  const Index top_width = look == Look::nowhere ? hidden : hidden + memory;
  if (look == Look::dot) decoder_layers.push_back(dot_attention());
  if (look == Look::additive) decoder_layers.push_back(additive_attention(units));
  decoder_layers.push_back(linear(top_width, outputs));
  Options options = of_symbols ? symbols : Options{};
  if (bridge) options = with_bridge(options);
  const Translation problem({encoder_decoder(encoder_layers, decoder_layers, options)});

  Parts parts(problem, first);
  Parts::Attend attention;
  if (look == Look::additive) {
    attention.units = units;
    attention.query = parts.take(units * hidden);
    attention.key = parts.take(units * memory);
    attention.bias = parts.take(units);
    attention.v = parts.take(units);
  }
  const double* readout = parts.take(outputs * (top_width + 1));
  const Index state_size = parts.first.state_size();
  const double* carry_over = parts.take(bridge ? state_size * (parts.reader.state_size() + 1) : 0);
  REQUIRE(Index(parts.reader.flat().size()) + parts.taken == Index(problem.network.flat().size()));

  Vector teacher;
  for (Index i = 0; i < problem.batch * problem.target_time; ++i)
    if (of_symbols)
      teacher.push_back(double(problem.classes[std::size_t(i)]));
    else
      teacher.insert(teacher.end(), problem.values.begin() + i * outputs, problem.values.begin() + (i + 1) * outputs);
  for (const bool taught : {true, false}) {
    Sequences<double> x = problem.sequences();
    if (taught) x.teacher = teacher.data();
    const Vector y = problem.forward(x);
    for (Index i = 0; i < problem.batch; ++i) {
      const std::span<const double> last = std::as_const(parts.states).row(i);
      Vector begin(last.begin(), last.end());
      for (std::size_t j = 0; j < order.size(); ++j) begin[j] = last[std::size_t(order[j])];
      if (bridge) begin = Parts::affine(carry_over, begin, state_size);
      BasicState<double> state(parts.first, 1);
      REQUIRE(begin.size() == state.data().size());
      std::copy(begin.begin(), begin.end(), state.data().begin());
      BasicStream<double> stream(parts.first);
      stream.set_state(state);
      Vector fed(of_symbols ? 1 : std::size_t(outputs), of_symbols ? 5.0 : 0.0), top(static_cast<std::size_t>(hidden));
      for (Index t = 0; t < problem.target_lengths[std::size_t(i)]; ++t) {
        REQUIRE(stream.step(fed, top));
        const Vector out = Parts::affine(readout, look == Look::nowhere ? top : parts.attended(top, i, attention), outputs);
        const Index entry = i * problem.target_time + t;
        CHECK(difference(std::span(y).subspan(std::size_t(entry * outputs), std::size_t(outputs)), out) < 1e-13);
        const Index width = Index(fed.size());
        if (taught)
          fed.assign(teacher.begin() + entry * width, teacher.begin() + (entry + 1) * width);
        else if (of_symbols)
          fed[0] = double(test::largest(out.data(), outputs));
        else
          fed = out;
      }
    }
  }
}

}  // namespace

TEST_CASE("encoder-decoder: with a teacher and without = its parts step by step, by hand") {
  const LayerSpec words = embedding(7, 3), written = embedding(6, 3);
  check_by_hand({words, lstm(3, 4)}, {written, lstm(3, 4)}, Look::nowhere);
  check_by_hand({lstm(2, 4, {{"learned_initial_state", true}})}, {lstm(3, 4)}, Look::nowhere);
  check_by_hand({words, gru(3, 4), gru(4, 5)}, {written, gru(3, 4), gru(4, 5)}, Look::additive);
  check_by_hand({gru(2, 4)}, {gru(3, 4)}, Look::dot);
  check_by_hand({words, gru(3, 4)}, {written, elman(3, 4)}, Look::dot, true);
  check_by_hand({words, gru(3, 5)}, {written, lstm(3, 4)}, Look::additive, true);
  // forward.h, forward.c, reverse.h, reverse.c of 2 each
  check_by_hand({words, bidirectional(lstm(3, 2))}, {written, lstm(3, 4)}, Look::dot, false, {0, 1, 4, 5, 2, 3, 6, 7});
}

TEST_CASE("encoder-decoder: a closed loop of the targets' lengths writes what greedy decoding does") {
  for (const test::TranslationCase& c : test::translation_cases()) {
    const Translation problem({c.layer});
    if (!problem.writes_symbols()) continue;
    CAPTURE(c.name);
    const Vector y = problem.forward(problem.sequences());
    const Sequences<double> x{problem.x.data(), problem.batch, problem.time, problem.lengths.data()};
    const auto written = decode(problem.network, x, {.max_length = problem.target_time});
    REQUIRE(Index(written.size()) == problem.batch);
    for (Index i = 0; i < problem.batch; ++i) {
      REQUIRE(written[std::size_t(i)].size() == 1);
      const Decoded& best = written[std::size_t(i)].front();
      std::vector<std::int64_t> expected;
      double sum = 0;
      bool ended = false;
      Sequences<double> all = problem.sequences();
      all.target_lengths = nullptr;  // all steps
      const Vector scores = problem.forward(all);
      for (Index t = 0; t < problem.target_time && !ended; ++t) {
        const double* row = scores.data() + (i * problem.target_time + t) * 5;
        const Index symbol = test::largest(row, 5);
        sum += test::log_probabilities(row, 5)[std::size_t(symbol)];
        if (t < problem.target_lengths[std::size_t(i)])
          CHECK(difference(std::span(row, 5), std::span(y).subspan(std::size_t((i * problem.target_time + t) * 5), 5)) < 1e-13);
        ended = symbol == 0;
        if (!ended) expected.push_back(symbol);
      }
      CHECK(best.symbols == expected);
      CHECK(best.ended == ended);
      CHECK(difference(best.log_probability, sum) < 1e-12);
      CHECK(difference(best.score, sum / double(expected.size() + ended)) < 1e-12);
    }
  }
}

TEST_CASE("encoder-decoder: the encoder is a network of its own, which streams unless it looks ahead") {
  for (const test::TranslationCase& c : test::translation_cases()) {
    CAPTURE(c.name);
    const Translation problem({c.layer});
    const BasicNetwork<double> reader = encoder(problem.network);
    CHECK(reader.layers() == c.layer.children[0].children);
    CHECK(std::equal(reader.flat().begin(), reader.flat().end(), problem.network.flat().begin()));
    for (const Parameter& p : reader.parameters()) {
      const auto& all = problem.network.parameters();
      const auto same = std::find_if(all.begin(), all.end(), [&](const Parameter& q) { return q.offset == p.offset; });
      CHECK(same->name == "0.encoder." + p.name);
    }
    if (reader.looks_ahead()) {
      CHECK_THROWS_WITH_AS(BasicStream<double>{reader}, doctest::Contains("looks ahead"), std::invalid_argument);
      continue;
    }
    const Index width = reader.output_size(), inputs = reader.input_size();
    Vector y(std::size_t(problem.batch * problem.time * width)), now(static_cast<std::size_t>(width));
    BasicRunner<double>(reader).forward({problem.x.data(), problem.batch, problem.time}, y.data());
    BasicStream<double> stream(reader);
    for (Index t = 0; t < problem.time; ++t) {
      REQUIRE(stream.step(std::span(problem.x).subspan(std::size_t(t * inputs), std::size_t(inputs)), now));
      CHECK(difference(now, std::span(y).subspan(std::size_t(t * width), std::size_t(width))) < 1e-13);
    }
  }
  CHECK_THROWS_WITH_AS(encoder(Network({linear(2, 3)})),
                       "encoder: the network does not decode, expected one with an EncoderDecoder", std::invalid_argument);
}

TEST_CASE("encoder-decoder: what it takes and gives; no stream, no window, no state") {
  const Translation problem({test::translation_cases()[0].layer});
  const BasicNetwork<double>& network = problem.network;
  CHECK(network.decodes());
  CHECK(network.looks_ahead());
  CHECK_FALSE(network.pools());
  CHECK(network.num_symbols() == 6);
  CHECK(network.num_ids() == 7);
  CHECK(network.teacher_size() == 1);
  CHECK(network.state_size() == 0);
  const BasicNetwork<double> values({encoder_decoder({lstm(2, 4)}, {lstm(3, 4), linear(4, 3)})});
  CHECK(values.num_symbols() == 0);
  CHECK(values.teacher_size() == 3);
  CHECK_THROWS_WITH_AS(BasicStream<double>{network},
                       "Stream: layer 0 (EncoderDecoder) reads a sequence to its end before it writes another, expected a "
                       "network whose outputs come "
                       "step by step; its encoder alone is one (encoder())",
                       std::invalid_argument);
  Vector gradient(network.flat().size());
  BasicRunner<double> runner(network);
  CHECK_THROWS_WITH_AS(
      runner.loss_and_gradient(problem.sequences(), problem.target(), Loss::cross_entropy, gradient.data(), nullptr, {2}),
      "loss_and_gradient: a window cuts the time axis, but the network looks ahead", std::invalid_argument);
  FitOptions options;
  options.loss = Loss::cross_entropy;
  options.window = 2;
  BasicNetwork<double> copy = network;
  const Data<double> data{problem.sequences(), problem.target()};
  CHECK_THROWS_WITH_AS(fit<double>(copy, data, nullptr, options), "fit: a window cuts the time axis, but the network looks ahead",
                       std::invalid_argument);
}

TEST_CASE("encoder-decoder: no target at all, and inputs that are all empty") {
  for (const test::TranslationCase& c : test::translation_cases()) {
    CAPTURE(c.name);
    Translation problem({c.layer});
    const Vector plain = problem.forward(problem.sequences());
    // Row 1 has read nothing: nothing but that is in its outputs.
    problem.lengths.assign(6, 0);
    const Vector empty = problem.forward(problem.sequences());
    const std::size_t row = std::size_t(problem.target_time * problem.network.output_size());
    CHECK(difference(std::span(empty).subspan(row, row), std::span(plain).subspan(row, row)) < 1e-14);
    check_gradient(problem, problem.sequences(), problem.target(), {});
    problem.target_lengths.assign(6, 0);
    CHECK(problem.forward(problem.sequences()) == Vector(plain.size()));
    CHECK(problem.gradient() == Vector(problem.network.flat().size()));
    problem.lengths = {3, 0, 5, 1, 4, 2};
    // With memory of a batch that had something to write, and a teacher.
    const Vector teacher(problem.values.size());
    BasicRunner<double> runner(problem.network);
    Sequences<double> x = problem.sequences();
    x.teacher = teacher.data();
    x.target_lengths = nullptr;
    Vector y(plain.size());
    runner.forward(x, y.data());
    CHECK(y != Vector(plain.size()));
    x.target_lengths = problem.target_lengths.data();
    runner.forward(x, y.data());
    CHECK(y == Vector(plain.size()));
    BasicNetwork<double> network = problem.network;
    FitOptions options;
    options.loss = problem.loss();
    options.epochs = 1;
    const Data<double> data{problem.sequences(), problem.target()};
    CHECK(fit<double>(network, data, nullptr, options).epochs[0].loss == 0);
  }
}
