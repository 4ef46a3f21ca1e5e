// Streams of one row, which have products of their own: steps = blocks of steps = the batch, on one thread or several, with
// weights in full or rounded.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <type_traits>

#include "allocations.h"
#include "learning/workspace.h"
#include "network_draw.h"
#include "recurra/runner.h"
#include "recurra/stream.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::difference, test::random_input, test::random_network, test::random_state;

constexpr Index inputs = 3;
using Vector = std::vector<double>;

template <class T>
struct Result {
  std::vector<T> y;
  BasicState<T> state;
};

template <class T>
Result<T> step_by_step(BasicStream<T>& stream, const BasicState<T>& initial, const std::vector<T>& x, Index steps) {
  const Index batch = stream.batch(), width = stream.input_size(), outputs = stream.output_size();
  Result<T> result{std::vector<T>(std::size_t(batch * steps * outputs)), {}};
  stream.set_state(initial);
  std::vector<T> now(std::size_t(batch * width)), y(std::size_t(batch * outputs));
  for (Index t = 0; t < steps; ++t) {
    for (Index i = 0; i < batch; ++i) std::copy_n(x.begin() + (i * steps + t) * width, width, now.begin() + i * width);
    REQUIRE(stream.step(now, y));
    for (Index i = 0; i < batch; ++i) std::copy_n(y.begin() + i * outputs, outputs, result.y.begin() + (i * steps + t) * outputs);
  }
  result.state = stream.state();
  return result;
}

template <class T>
Result<T> as_block(BasicStream<T>& stream, const BasicState<T>& initial, const std::vector<T>& x, Index steps) {
  Result<T> result{std::vector<T>(std::size_t(stream.batch() * steps * stream.output_size())), {}};
  stream.set_state(initial);
  REQUIRE(stream.process(x, result.y, steps));
  result.state = stream.state();
  return result;
}

template <class T>
void check_equal(const Result<T>& actual, const Result<T>& expected, double tolerance) {
  CHECK(difference(actual.y, expected.y) <= tolerance);
  CHECK(difference(actual.state.data(), expected.state.data()) <= tolerance);
}

// A network that does not pool.
template <class T>
void check_stream(const BasicNetwork<T>& network, double tolerance, Index steps = 6, Index batch = 1) {
  const std::vector<T> x = random_input(network, batch * steps);
  const BasicState<T> initial = random_state(network, batch);
  BasicStream<T> stream(network, batch);
  Result<T> whole{std::vector<T>(std::size_t(batch * steps * network.output_size())), initial};
  BasicRunner<T>(network).forward({x.data(), batch, steps}, whole.y.data(), &whole.state);
  check_equal(step_by_step(stream, initial, x, steps), whole, tolerance);
  check_equal(as_block(stream, initial, x, steps), whole, tolerance);
}

// Weights that keep wide layers as tame as narrow ones.
double scale_for(Index units) { return std::min(0.6, 1.5 / std::sqrt(double(units))); }

std::vector<std::vector<LayerSpec>> other_networks() {
  using namespace layers;
  return {
      {linear(inputs, 5), layers::tanh(), elman(5, 4), dropout(0.5), logistic()},
      {embedding(6, 4), gru(4, 5), linear(5, 2)},
      {delay(2, {{"input_size", inputs}, {"dilation", std::int64_t(2)}}), linear(9, 4), delay(3), linear(16, 2)},
      {feedback({linear(4, 2)}, 2), delay(0)},
      {feedback({linear(inputs + 2, 5), logistic(), linear(5, 2)})},
      {feedback({gru(inputs + 2, 4), stack_memory(3, 2)}, 1, 2), linear(6, 2)},
      {feedback({lstm(inputs + 3, 4), ntm_memory(5, 3)}, 1, 3), linear(7, 2)},
      {lstm(inputs, 4), feedback({gru(6, 4), delay(1, {{"present", false}}), linear(4, 2)}), residual({delay(1), linear(4, 2)})},
      {chain({elman(inputs, 20), linear(20, 17)}), skip({lstm(17, 9)}), linear(26, 3)},
      {gru(inputs, 20), adaptive_softmax(20, 50, {10, 13}, 2.0)}};
}

}  // namespace

TEST_CASE("stream of one row: steps = a block = the batch, for every cell and stage at every size") {
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    const bool plain = cell.find(" + ") == std::string::npos;
    const std::vector<Index> sizes =
        plain ? std::vector<Index>{1, 3, 8, 16, 17, 32, 40, 56, 64, 130} : std::vector<Index>{2, 18, 64};
    for (const Index units : sizes) {
      CAPTURE(units);
      const std::vector<LayerSpec> layers{cell_layer(cell, inputs, units)};
      check_stream(random_network<float>(layers, scale_for(units)), 1e-5);
      check_stream(random_network<double>(layers, scale_for(units)), 1e-12);
    }
  }
}

TEST_CASE("stream of one row: steps = a block = the batch, for the other layers") {
  for (const std::vector<LayerSpec>& layers : other_networks()) {
    check_stream(random_network<float>(layers), 1e-5);
    check_stream(random_network<double>(layers), 1e-12);
    check_stream(random_network<double>(layers), 1e-12, 6, 3);
  }
}

TEST_CASE("stream: blocks of any length, one behind the other") {
  const BasicNetwork<double> network = random_network<double>(
      {layers::delay(2, {{"input_size", inputs}}), layers::lstm(9, 5), layers::feedback({layers::linear(7, 2)})}, 0.4);
  for (const Index batch : {1, 3}) {
    check_stream(network, 1e-12, 500, batch);  // longer than what is worked on at once
    const Index steps = 40;
    const Vector x = random_input(network, steps);
    const BasicState<double> initial = random_state(network, 1);
    BasicStream<double> stream(network);
    const Result<double> expected = step_by_step(stream, initial, x, steps);
    Result<double> actual{Vector(expected.y.size()), {}};
    stream.set_state(initial);
    Index t = 0;
    for (const Index count : {5, 0, 1, 20, 3, 11}) {  // in between, single steps
      const std::span<double> to = std::span(actual.y).subspan(std::size_t(t * 2), std::size_t(count * 2));
      const std::span<const double> from = std::span(x).subspan(std::size_t(t * inputs), std::size_t(count * inputs));
      REQUIRE((count == 1 ? stream.step(from, to) : stream.process(from, to, count)));
      t += count;
    }
    REQUIRE(t == steps);
    actual.state = stream.state();
    check_equal(actual, expected, 1e-13);
  }
}

TEST_CASE("stream: a block through a network that pools gives what it gives after each step") {
  for (const Index batch : {1, 3})
    for (const LayerSpec& pooling : {layers::mean(), layers::max(), layers::last()}) {
      const BasicNetwork<double> network = random_network<double>({layers::lstm(inputs, 5), pooling, layers::linear(5, 2)});
      const Vector x = random_input(network, batch * 7);
      const BasicState<double> initial = random_state(network, batch);
      BasicStream<double> stream(network, batch);
      check_equal(as_block(stream, initial, x, 7), step_by_step(stream, initial, x, 7), 1e-13);
    }
}

TEST_CASE("stream: a refused block changes neither state nor output") {
  const BasicNetwork<double> network = random_network<double>({layers::lstm(inputs, 5), layers::linear(5, 2)});
  BasicStream<double> stream(network, 2);
  stream.set_state(random_state(network, 2));
  const BasicState<double> state = stream.state();
  const Vector good = random_input(network, 2 * 4), before(std::size_t(2 * 4 * 2), 7.0);
  Vector y = before;
  const auto refuse = [&](std::span<const double> x, std::span<double> out, Index steps) {
    CHECK_FALSE(stream.process(x, out, steps));
    CHECK(y == before);
    CHECK(std::ranges::equal(stream.state().data(), state.data()));
  };
  refuse(good, y, 3);
  refuse(good, y, 5);
  refuse(good, y, -1);
  refuse(good, y, std::numeric_limits<Index>::max());
  refuse(std::span(good).first(23), y, 4);
  refuse(good, std::span(y).first(15), 4);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Vector x = good;
    x[at] = std::numeric_limits<double>::quiet_NaN();
    refuse(x, y, 4);
  }
  CHECK(stream.process({}, {}, 0));
  CHECK(std::ranges::equal(stream.state().data(), state.data()));
  CHECK(stream.process(good, y, 4));
  CHECK(y != before);
}

TEST_CASE("stream: any number of threads gives the same bits") {
  const std::vector<std::vector<LayerSpec>> networks{
      {layers::lstm(inputs, 200), layers::gru(200, 190), layers::linear(190, 300), layers::elman(300, 260)},
      {layers::chain({layers::linear(inputs, 150), cell_layer("GRU(reset=before)", 150, 170)}), layers::linear(170, 3)}};
  for (const std::vector<LayerSpec>& layers : networks) {
    const Network network = random_network<float>(layers, 0.1);
    const std::vector<float> x = random_input(network, 200);
    const State initial = random_state(network, 1);
    for (const WeightFormat weights : {WeightFormat::full, WeightFormat::bfloat16, WeightFormat::int8}) {
      Stream alone(network, {.weights = weights});
      const Result<float> expected = step_by_step(alone, initial, x, 200), block = as_block(alone, initial, x, 200);
      for (const Index threads : {2, 3, 5}) {
        Stream stream(network, {.weights = weights, .threads = threads});
        check_equal(step_by_step(stream, initial, x, 200), expected, 0);
        check_equal(as_block(stream, initial, x, 200), block, 0);
      }
    }
  }
}

namespace {

// The network with its matrices rounded; what the stream should say of them.
Network rounded(const Network& network, WeightFormat format, std::vector<WeightError>& errors) {
  Network result = network;
  for (const Parameter& p : network.parameters()) {
    const bool looked_up = network.layers()[std::size_t(p.name[0] - '0')].type == "Embedding";
    if (p.name.find("weight") == std::string::npos || p.shape.size() < 2 || looked_up) continue;
    const auto values = result.flat().subspan(std::size_t(p.offset), std::size_t(p.size));
    const std::size_t columns = std::size_t(p.shape.back());
    double moved = 0, size = 0;
    for (std::size_t begin = 0; begin < values.size(); begin += columns) {
      const auto row = values.subspan(begin, columns);
      float largest = 0;
      for (const float w : row) largest = std::max(largest, std::abs(w));
      for (float& w : row) {
        int exponent;
        const double mantissa = std::frexp(double(w), &exponent);
        const float given = w, scale = largest / 127;
        w = format == WeightFormat::int8 ? std::rint(w / scale) * scale
                                         : float(std::ldexp(std::rint(mantissa * 256), exponent - 8));
        moved += (w - given) * double(w - given);
        size += double(given) * double(given);
      }
    }
    errors.push_back({p.name, std::sqrt(moved / size)});
  }
  return result;
}

bool is_normalised(const Network& network) {
  for (const LayerSpec& layer : network.layers())
    if (layer.options.count("layer_norm")) return true;
  return false;
}

// With int8, products of one row also round what they multiply: by up to 1 / 65024 of the largest, times the sum of a row's
// |weights|, which is at most about 10 here: 1.5e-4 for a step. Seen in 6 steps of all cells: 1.05e-4. The rounding of the
// weights itself moves outputs by some 4e-3.
double tolerance_of(WeightFormat format) { return format == WeightFormat::int8 ? 2e-4 : 1e-5; }

void check_narrow(const Network& network, WeightFormat format) {
  std::vector<WeightError> errors;
  const Network narrow = rounded(network, format, errors);
  check_stream(narrow, 1e-5);
  const std::vector<float> x = random_input(network, 6 * 3);
  for (const Index batch : {1, 3}) {
    const std::vector<float> some(x.begin(), x.begin() + batch * 6 * network.input_size());
    const State initial = random_state(network, batch);
    Stream stream(network, {.batch = batch, .weights = format}), plain(narrow, batch);
    const Result<float> expected = step_by_step(plain, initial, some, 6);
    const double tolerance = batch == 1 ? tolerance_of(format) : 1e-5;  // a batch multiplies in floats
    const Result<float> steps = step_by_step(stream, initial, some, 6), block = as_block(stream, initial, some, 6);
    check_equal(steps, expected, tolerance);
    check_equal(block, expected, tolerance);
    if (batch == 1 && !is_normalised(network)) check_equal(block, steps, 0);
    REQUIRE(stream.weight_error().size() == errors.size());
    for (std::size_t i = 0; i < errors.size(); ++i) {
      CHECK(stream.weight_error()[i].name == errors[i].name);
      CHECK(stream.weight_error()[i].error == doctest::Approx(errors[i].error).epsilon(1e-4));
      CHECK(errors[i].error < 0.02);
    }
  }
}

}  // namespace

TEST_CASE("stream: rounded weights are those of a network with rounded matrices, for every cell and stage") {
  for (const WeightFormat format : {WeightFormat::bfloat16, WeightFormat::int8}) {
    for (const std::string& cell : all_layers()) {
      CAPTURE(cell);
      for (const Index units : {8, 34})
        check_narrow(random_network<float>({cell_layer(cell, inputs, units), layers::linear(output_size(cell, units), 5)},
                                           scale_for(units)),
                     format);
    }
    for (const std::vector<LayerSpec>& layers : other_networks()) check_narrow(random_network<float>(layers), format);
  }
}

TEST_CASE("stream: what bfloat16 and int8 are") {
  Network network({layers::linear(3, 2)});
  // 1.00390625 is half-way between two bfloat16: the even one; 3.4e38 is beyond the largest.
  std::ranges::copy(std::vector<float>{1.00390625f, -1.01171875f, 3.4e38f, 127, 63.4f, -0.6f, 0.3f, 0.7f},
                    network.flat().begin());
  Stream brief(network, {.weights = WeightFormat::bfloat16}), bytes(network, {.weights = WeightFormat::int8});
  std::vector<float> y(2);
  const auto weight = [&](Stream& stream, std::size_t row, std::size_t column) {
    std::vector<float> x(3);
    x[column] = 1;
    REQUIRE(stream.step(x, y));
    return y[row] - network.flat()[6 + row];
  };
  CHECK(weight(brief, 0, 0) == doctest::Approx(1).epsilon(1e-6));
  CHECK(weight(brief, 0, 1) == doctest::Approx(-1.015625).epsilon(1e-6));
  CHECK(weight(brief, 0, 2) == 3.3895313892515355e38f);
  CHECK(weight(bytes, 1, 0) == doctest::Approx(127).epsilon(1e-6));
  CHECK(weight(bytes, 1, 1) == doctest::Approx(63).epsilon(1e-6));
  CHECK(weight(bytes, 1, 2) == doctest::Approx(-1).epsilon(1e-6));
  CHECK(Stream(network).weight_error().empty());
}

TEST_CASE("stream: reload rounds the weights again, or changes nothing") {
  Network network = random_network<float>({layers::gru(inputs, 5), layers::linear(5, 2)});
  Stream stream(network, {.weights = WeightFormat::int8});
  const std::vector<float> x = random_input(network, 1);
  std::vector<float> before(2), y(2), expected(2);
  const State state = stream.state();
  REQUIRE(stream.step(x, before));
  const std::vector<float> given(network.flat().begin(), network.flat().end());
  network.flat()[3] = std::numeric_limits<float>::quiet_NaN();
  const double error = stream.weight_error().front().error;
  CHECK_THROWS_WITH_AS(stream.reload(), "stream: 0.weight_ih has the value nan, expected finite weights where they are rounded",
                       std::invalid_argument);
  CHECK_THROWS_AS(Stream(network, {.weights = WeightFormat::bfloat16}), std::invalid_argument);
  CHECK(stream.weight_error().front().error == error);
  stream.set_state(state);
  REQUIRE(stream.step(x, y));
  CHECK(y == before);
  for (std::size_t i = 0; i < given.size(); ++i) network.flat()[i] = given[i] * given[i];
  stream.reload();
  CHECK(stream.weight_error().front().error != error);
  stream.set_state(state);
  REQUIRE(stream.step(x, y));
  Stream fresh(network, {.weights = WeightFormat::int8});
  REQUIRE(fresh.step(x, expected));
  CHECK(y == expected);
}

TEST_CASE("stream: braces are options, a number is a batch") {
  const Network network({layers::lstm(inputs, 5)});
  CHECK(Stream(network, {}).batch() == 1);
  CHECK(Stream(network).batch() == 1);
  CHECK(Stream(network, {.batch = 2}).batch() == 2);
  CHECK(Stream(network, 3).batch() == 3);
  CHECK(Stream(network, std::size_t(3)).batch() == 3);
  static_assert(!std::is_convertible_v<Index, Stream> && !std::is_constructible_v<Stream, const Network&, double>);
}

TEST_CASE("stream: narrow weights lie in memory alone, also after a block") {
  const Index units = 256;
  for (const std::string cell : {"LSTM", "GRU(reset=before)", "LSTM + projection", "ELSTM", "SRU"}) {
    CAPTURE(cell);
    const Network network({cell_layer(cell, units, units), layers::linear(output_size(cell, units), units)});
    const std::vector<float> x = random_input(network, 192);
    std::vector<float> y(std::size_t(192 * units));
    const auto bytes = [&](WeightFormat format) {
      Stream stream(network, {.weights = format});
      const double before = double(stream.bytes());
      REQUIRE(stream.process(x, y, 192));
      Workspace<float> block(*network.model());
      block.prepare(Schedule::sequences(1, 192), false);
      CHECK(double(stream.bytes()) == before + double(block.bytes()));
      return before;
    };
    double matrices = 0;  // numbers
    for (const Parameter& p : network.parameters())
      if (p.shape.size() == 2) matrices += double(p.size);
    const double full = bytes(WeightFormat::full), rest = 0.06 * 4 * matrices;  // strips, scales, biases, activations of a step
    CHECK(bytes(WeightFormat::bfloat16) >= 2 * matrices);
    CHECK(bytes(WeightFormat::bfloat16) <= 2 * matrices + rest);
    CHECK(bytes(WeightFormat::int8) >= matrices);
    CHECK(bytes(WeightFormat::int8) <= matrices + rest);
    CHECK(full >= 4 * matrices);
    CHECK(full <= 8 * matrices + rest);
  }
}

TEST_CASE("stream: options out of range are refused") {
  const Network network({layers::lstm(inputs, 5)});
  const BasicNetwork<double> wide({layers::lstm(inputs, 5)});
  for (const Index threads : {-1, 0, 65})
    CHECK_THROWS_WITH_AS(Stream(network, {.threads = threads}),
                         ("Stream: threads is " + std::to_string(threads) + ", expected 1 .. 64").c_str(), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Stream(network, {.batch = 2, .threads = 2}),
                       "Stream: threads is 2 for a batch of 2, expected 1: the products of one sequence can be shared",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(BasicStream<double>(wide, {.weights = WeightFormat::int8}),
                       "Stream: weights are to be narrower than float32 in a float64 network, expected a float32 network",
                       std::invalid_argument);
}

#if RECURRA_COUNTS_ALLOCATIONS
TEST_CASE("stream: a block allocates nothing once there was one of its length; steps of any kind never do") {
  const auto check = []<class T>(const BasicNetwork<T>& network, StreamOptions options) {
    BasicStream<T> stream(network, options);
    const Index steps = 300;
    const std::vector<T> x = random_input(network, options.batch * steps);
    std::vector<T> y(std::size_t(options.batch * steps * network.output_size()));
    const auto part = [&](Index count) {
      return stream.process(std::span(x).first(std::size_t(options.batch * count * network.input_size())),
                            std::span(y).first(std::size_t(options.batch * count * network.output_size())), count);
    };
    REQUIRE(part(steps));
    const test::Allocations allocations;
    bool fine = true;
    for (const Index count : {steps, Index(7), Index(0), Index(250)}) fine = part(count) && fine;
    for (int t = 0; t < 20; ++t)
      fine = fine && stream.step(std::span(x).first(std::size_t(options.batch * network.input_size())),
                                 std::span(y).first(std::size_t(options.batch * network.output_size())));
    const std::size_t count = allocations.count();
    CHECK(count == 0);
    CHECK(fine);
  };
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    const std::vector<LayerSpec> layers{cell_layer(cell, inputs, 18), layers::linear(output_size(cell, 18), 2), layers::relu()};
    check(random_network<float>(layers), {});
    check(random_network<float>(layers), {.weights = WeightFormat::int8});
    check(random_network<double>(layers), {.batch = 3});
  }
  for (const std::vector<LayerSpec>& layers : other_networks()) check(random_network<float>(layers), {});
  check(random_network<float>({layers::lstm(inputs, 200), layers::mean()}), {.threads = 3});
}
#endif

TEST_CASE_TEMPLATE("stream: a step writes its outputs and nothing beside them, also in the place of its inputs", T, float,
                   double) {
  // Few of the units are outputs; more units than a group of registers has, and as many inputs.
  for (const Index units : {5, 8, 9, 64})
    for (const Index outputs : {Index(1), units}) {
      std::vector<LayerSpec> specs{layers::fully_recurrent(units, units, outputs), layers::elman(units, units),
                                   layers::lstm(units, units), layers::gru(units, units)};
      specs.resize(outputs < units ? 1 : specs.size());
      for (const LayerSpec& spec : specs) {
        CAPTURE(to_string(spec));
        const BasicNetwork<T> network = test::random_network<T>({spec});
        BasicStream<T> stream(network), in_place(network);
        std::vector<T> x = test::random_vector<T>(7, 3 * units), y(std::size_t(outputs + 100), T(42));
        for (Index t = 0; t < 3; ++t) {
          std::vector<T> both(x.begin() + t * units, x.begin() + (t + 1) * units);
          CHECK(stream.step(std::span<const T>(both), std::span<T>(y.data(), std::size_t(outputs))));
          CHECK(std::count(y.begin() + outputs, y.end(), T(42)) == 100);
          CHECK(in_place.step(std::span<const T>(both), std::span<T>(both.data(), std::size_t(outputs))));
          CHECK(std::equal(both.begin(), both.begin() + outputs, y.begin()));
        }
      }
    }
}
