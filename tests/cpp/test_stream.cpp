// Streams: step by step = the batch, states in and out, refusals that change nothing, one thread at a time, no allocation.
#include <doctest/doctest.h>

#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "allocations.h"
#include "network_draw.h"
#include "recurra/runner.h"
#include "recurra/stream.h"
#include "test_cells.h"

namespace {

using namespace recurra;
using test::difference, test::random_input, test::random_network, test::random_state;

constexpr Index inputs = 3, rows = 3, num_steps = 6;

// Each step against a batch that ends there: a pooling network gives its present output.
template <class T>
void check_stream(std::vector<LayerSpec> layers, double tolerance) {
  const BasicNetwork<T> network = random_network<T>(std::move(layers));
  const std::vector<T> x = random_input(network, rows * num_steps);  // [rows][steps][width]
  const BasicState<T> initial = random_state(network, rows, 1);
  BasicRunner<T> runner(network);
  BasicStream<T> stream(network, rows);
  CHECK(stream.batch() == rows);
  CHECK(stream.input_size() == network.input_size());
  CHECK(stream.output_size() == network.output_size());
  stream.set_state(initial);
  const Index width = network.input_size(), outputs = network.output_size();
  for (Index t = 0; t < num_steps; ++t) {
    std::vector<T> now, y(std::size_t(rows * outputs)), expected, batch_y(std::size_t(rows * num_steps * outputs));
    for (Index i = 0; i < rows; ++i)
      now.insert(now.end(), x.begin() + (i * num_steps + t) * width, x.begin() + (i * num_steps + t + 1) * width);
    REQUIRE(stream.step(now, y));
    BasicState<T> state = initial;
    const std::vector<Index> lengths(rows, t + 1);
    runner.forward({x.data(), rows, num_steps, lengths.data()}, batch_y.data(), &state);
    for (Index i = 0; i < rows; ++i) {
      const auto from = batch_y.begin() + (network.pools() ? i : i * num_steps + t) * outputs;
      expected.insert(expected.end(), from, from + outputs);
    }
    CHECK(difference(y, expected) < tolerance);
    CHECK(difference(stream.state().data(), state.data()) < tolerance);
  }
}

void check_both(const std::vector<LayerSpec>& layers) {
  check_stream<float>(layers, 1e-5);
  check_stream<double>(layers, 1e-13);
}

using Vector = std::vector<double>;

}  // namespace

TEST_CASE("stream: a stream = the batch, for every cell and stage, alone and stacked") {
  const std::vector<std::string> cells = all_layers();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string &cell = cells[i], &above = cells[(i + 2) % cells.size()];
    CAPTURE(cell);
    check_both({cell_layer(cell, inputs, 6)});
    check_both(
        {cell_layer(cell, inputs, 18), cell_layer(above, output_size(cell, 18), 4), layers::linear(output_size(above, 4), 2)});
  }
}

TEST_CASE("stream: a stream = the batch, for the other layers") {
  using namespace layers;
  check_both({lstm(inputs, 5), last(), linear(5, 2)});
  check_both({lstm(inputs, 5), mean(), linear(5, 4), relu(), linear(4, 2)});
  check_both({embedding(6, 4), gru(4, 5), linear(5, 2)});
  check_both({embedding(6, 4), mean()});
  check_both({gru(inputs, 5), layers::max(), linear(5, 2)});
  check_both({gru(inputs, 5), adaptive_softmax(5, 7, {2, 4}, 2.0)});
  check_both({embedding(6, 4), layers::max()});
  check_both({linear(inputs, 5), layers::tanh(), elman(5, 4), dropout(0.5), logistic()});
  check_both(
      {delay(2, {{"input_size", inputs}, {"dilation", std::int64_t(2)}}), linear(9, 4), layers::tanh(), delay(3), linear(16, 2)});
  check_both({feedback({linear(4, 2)}, 2), delay(0)});
  check_both({delay(1, {{"input_size", inputs}}), feedback({linear(12, 5), layers::tanh(), linear(5, 2)}, 3)});
  check_both({feedback({linear(inputs + 2, 5), logistic(), linear(5, 2)}), mean()});
  check_both(
      {lstm(inputs, 4), feedback({gru(6, 4), delay(1, {{"present", false}}), linear(4, 2)}), residual({delay(1), linear(4, 2)})});
  check_both({feedback({gru(inputs + 2, 4), stack_memory(3, 2)}, 1, 2), linear(6, 2)});
  check_both({feedback({lstm(inputs + 3, 4), ntm_memory(5, 3)}, 1, 3), linear(7, 2)});
}

TEST_CASE("stream: a refused step changes neither state nor output") {
  const BasicNetwork<double> network = random_network<double>({layers::lstm(inputs, 5), layers::mean(), layers::linear(5, 2)});
  BasicStream<double> stream(network, rows);
  stream.set_state(random_state(network, rows, 1));
  const Vector good = random_input(network, rows), before(std::size_t(rows * 2), 7.0);
  const BasicState<double> state = stream.state();
  Vector y = before;
  const auto refuse = [&](const Vector& x, std::span<double> out) {
    CHECK_FALSE(stream.step(x, out));
    CHECK(y == before);
    CHECK(std::ranges::equal(stream.state().data(), state.data()));
  };
  refuse(Vector(good.begin(), good.end() - 1), y);
  refuse({}, y);
  refuse(good, std::span(y).first(5));
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()})
    for (std::size_t at = 0; at < good.size(); ++at) {
      Vector x = good;
      x[at] = bad;
      refuse(x, y);
    }
  CHECK(stream.step(good, y));
  CHECK(y != before);

  const BasicNetwork<double> ids = random_network<double>({layers::embedding(6, 4), layers::gru(4, 5)});
  BasicStream<double> reader(ids);
  Vector out(5, 7.0);
  for (const double bad : {-1.0, 6.0, 0.5, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_FALSE(reader.step(Vector{bad}, out));
    CHECK(out == Vector(5, 7.0));
  }
  for (const double id : {0.0, 5.0}) CHECK(reader.step(Vector{id}, out));
}

TEST_CASE("stream: what is observed takes the place of the last output, as a teacher does in a batch") {
  using namespace layers;
  const auto check = []<class T>(const BasicNetwork<T>& network, double tolerance) {
    const Index width = network.teacher_size(), outputs = network.output_size(), features = network.input_size();
    const std::vector<T> x = random_input(network, rows * num_steps),
                         teacher = test::random_vector<T>(8, rows * num_steps * width);
    std::vector<T> expected(std::size_t(rows * num_steps * outputs));
    Sequences<T> sequences{x.data(), rows, num_steps};
    sequences.teacher = teacher.data();
    BasicState<T> state = random_state(network, rows, 1);
    BasicStream<T> stream(network, rows);
    CHECK(stream.teacher_size() == width);
    stream.set_state(state);
    BasicRunner<T>(network).forward(sequences, expected.data(), &state);
    const auto step_of = [](const std::vector<T>& from, Index t, Index size) {  // of all rows
      std::vector<T> now;
      for (Index i = 0; i < rows; ++i)
        now.insert(now.end(), from.begin() + (i * num_steps + t) * size, from.begin() + (i * num_steps + t + 1) * size);
      return now;
    };
    for (Index t = 0; t < num_steps; ++t) {
      std::vector<T> y(std::size_t(rows * outputs));
      REQUIRE(stream.step(step_of(x, t, features), y));
      CHECK(difference(y, step_of(expected, t, outputs)) < tolerance);
      REQUIRE(stream.observe(step_of(teacher, t, width)));
    }
    CHECK(difference(stream.state().data(), state.data()) < tolerance);
  };
  const std::vector<std::vector<LayerSpec>> networks{
      {feedback({linear(4, 2)}, 2)},
      {feedback({linear(inputs + 2, 5), logistic(), linear(5, 2)})},
      {delay(1, {{"input_size", inputs}}), feedback({gru(12, 5), delay(2), linear(15, 2)}, 3), elman(2, 4)},
      {residual({feedback({lstm(inputs + 3, 4), linear(4, 3)})}), linear(3, 1)}};
  for (const std::vector<LayerSpec>& layers : networks) {
    check(random_network<float>(layers), 1e-5);
    check(random_network<double>(layers), 1e-13);
  }
}

TEST_CASE("stream: before the first step, what is observed is what the network starts with") {
  BasicNetwork<double> network({layers::feedback({layers::linear(2, 1)}, 2)});
  std::ranges::copy(Vector{2, 10, 1}, network.flat().begin());
  BasicStream<double> stream(network);
  Vector y(1);
  REQUIRE(stream.observe(Vector{3}));
  REQUIRE(stream.step({}, y));
  CHECK(y[0] == 7);  // 2 * 3 + 10 * 0 + 1
  REQUIRE(stream.step({}, y));
  CHECK(y[0] == 45);  // 2 * 7 + 10 * 3 + 1
  REQUIRE(stream.observe(Vector{1}));
  REQUIRE(stream.observe(Vector{0}));  // the last word counts
  REQUIRE(stream.step({}, y));
  CHECK(y[0] == 71);  // 2 * 0 + 10 * 7 + 1
}

TEST_CASE("stream: a refused observation changes nothing") {
  using namespace layers;
  const BasicNetwork<double> network = random_network<double>({feedback({lstm(inputs + 2, 4), linear(4, 2)})});
  BasicStream<double> stream(network, rows);
  stream.set_state(random_state(network, rows, 1));
  const BasicState<double> state = stream.state();
  const auto refuse = [&](const Vector& seen) {
    CHECK_FALSE(stream.observe(seen));
    CHECK(std::ranges::equal(stream.state().data(), state.data()));
  };
  refuse({});
  refuse(Vector(5, 0.5));
  refuse(Vector(7, 0.5));
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()})
    for (std::size_t at = 0; at < 6; ++at) {
      Vector seen(6, 0.5);
      seen[at] = bad;
      refuse(seen);
    }
  CHECK(stream.observe(Vector(6, 0.5)));
  CHECK_FALSE(std::ranges::equal(stream.state().data(), state.data()));
  const std::vector<std::vector<LayerSpec>> others{{lstm(inputs, 2)}, {feedback({linear(5, 2)}), feedback({linear(4, 2)})}};
  for (const std::vector<LayerSpec>& layers : others) {
    BasicStream<double> none(random_network<double>(layers), 1);
    CHECK(none.teacher_size() == 0);
    CHECK_FALSE(none.observe(Vector(2, 0.5)));
    CHECK_FALSE(none.observe({}));
  }
}

TEST_CASE("stream: states go out, in, and back to the start, row by row") {
  const BasicNetwork<double> network = random_network<double>({layers::lstm(inputs, 5), layers::gru(5, 4), layers::mean()});
  BasicStream<double> stream(network, rows);
  const Vector x = random_input(network, rows);
  Vector first(std::size_t(rows * 4)), y(first.size());
  REQUIRE(stream.step(x, first));
  REQUIRE(stream.step(x, y));
  CHECK(y != first);
  const BasicState<double> middle = stream.state();
  Vector third(first.size());
  REQUIRE(stream.step(x, third));
  stream.set_state(middle);
  REQUIRE(stream.step(x, y));
  CHECK(y == third);

  stream.set_state(middle);
  stream.reset(1);
  REQUIRE(stream.step(x, y));
  for (Index row = 0; row < rows; ++row)
    CHECK(std::equal(y.begin() + row * 4, y.begin() + row * 4 + 4, (row == 1 ? first : third).begin() + row * 4));
  stream.reset();
  CHECK(std::ranges::equal(stream.state().data(), BasicState<double>(network, rows).data()));
  REQUIRE(stream.step(x, y));
  CHECK(y == first);

  for (const Index row : {Index(-1), rows}) CHECK_THROWS_AS(stream.reset(row), std::out_of_range);
  CHECK_THROWS_WITH_AS(stream.set_state(BasicState<double>(network, 2)), "set_state: state is for a batch of 2, expected 3",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(stream.set_state(BasicState<double>()),
                       doctest::Contains("set_state: state has blocks [], expected [0.h of LSTM("), std::invalid_argument);
  CHECK_THROWS_WITH_AS(BasicStream<double>(network, 0), "Stream: batch is 0, expected at least 1", std::invalid_argument);

  BasicStream<double> moved = std::move(stream);
  moved.reset();
  REQUIRE(moved.step(x, y));
  CHECK(y == first);
}

TEST_CASE("stream: it works on a snapshot of the weights until it is reloaded") {
  BasicNetwork<double> network = random_network<double>({layers::gru(inputs, 5), layers::linear(5, 2)});
  BasicStream<double> stream(network);
  const Vector x = random_input(network, 1);
  Vector before(2), y(2), after(2);
  REQUIRE(stream.step(x, before));
  for (double& w : network.flat()) w = -w;
  stream.reset();
  REQUIRE(stream.step(x, y));
  CHECK(y == before);
  const BasicState<double> state = stream.state();
  stream.reload();
  CHECK(std::ranges::equal(stream.state().data(), state.data()));
  stream.reset();
  REQUIRE(stream.step(x, y));
  BasicStream<double> fresh(network);
  REQUIRE(fresh.step(x, after));
  CHECK(y == after);
  CHECK(y != before);
}

TEST_CASE("stream: reload refuses a network with other layers, and the stream goes on with its own") {
  BasicNetwork<double> network = random_network<double>({layers::gru(inputs, 5), layers::linear(5, 2)});
  BasicStream<double> stream(network), untouched(network);
  const Vector x = random_input(network, 1);
  Vector y(2), expected(2);
  network = random_network<double>({layers::gru(inputs, 6), layers::linear(6, 2)});
  CHECK_THROWS_WITH_AS(stream.reload(), "reload: the network has other layers now, expected those the stream was made with",
                       std::invalid_argument);
  REQUIRE(stream.step(x, y));
  REQUIRE(untouched.step(x, expected));
  CHECK(y == expected);
}

TEST_CASE("stream: a second thread is noticed") {
  // One thread is nearly always inside a large network; what the other one tries meanwhile must fail. Whoever comes second
  // fails, so the first thread's own steps may fail too.
  const Network network({layers::feedback({layers::linear(1600, 800)})});
  Stream stream(network);
  const std::vector<float> x(800, 0.5f);
  std::atomic<bool> stop{false};
  std::jthread first([&] {
    std::vector<float> y(800);
    while (!stop) (void)stream.step(x, y);
  });
  const auto until = [&](auto noticed) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline)
      if (stream.busy() && noticed()) return true;
    return false;
  };
  const auto refuses = [&](auto call) {
    return until([&] {
      try {
        call();
      } catch (const std::runtime_error& error) {
        return std::string(error.what()).ends_with("the stream is in use by another thread, expected one thread at a time");
      }
      return false;
    });
  };
  std::vector<float> y(800, 7.0f);
  CHECK(until([&] {
    std::fill(y.begin(), y.end(), 7.0f);
    return !stream.step(x, y) && y == std::vector<float>(800, 7.0f);
  }));
  const State state(network, 1);
  CHECK(refuses([&] { (void)stream.state(); }));
  CHECK(refuses([&] { stream.set_state(state); }));
  CHECK(refuses([&] { stream.reset(); }));
  CHECK(refuses([&] { stream.reset(0); }));
  CHECK(refuses([&] { stream.reload(); }));
  CHECK(until([&] { return !stream.observe(x); }));
  stop = true;
  first.join();
  CHECK_FALSE(stream.busy());
  CHECK(stream.step(x, y));
}

#if RECURRA_COUNTS_ALLOCATIONS
TEST_CASE("stream: a step and an observation allocate nothing") {
  const auto check = [](const auto& network) {
    using T = std::decay_t<decltype(network.flat()[0])>;
    for (const Index batch : {1, 3}) {
      BasicStream<T> stream(network, batch);
      const std::vector<T> x = random_input(network, batch), bad(x.size(), std::numeric_limits<T>::infinity());
      const std::vector<T> seen(std::size_t(batch * network.teacher_size()), T(0.5));
      std::vector<T> y(std::size_t(batch * network.output_size()));
      const test::Allocations allocations;
      bool fine = true;
      for (int t = 0; t < 20; ++t) {
        fine = stream.step(x, y) && (bad.empty() || !stream.step(bad, y)) && fine;
        fine = stream.observe(seen) == !seen.empty() && fine;
      }
      const std::size_t count = allocations.count();
      CHECK(count == 0);
      CHECK(fine);
    }
  };
  for (const std::string& cell : all_layers()) {
    CAPTURE(cell);
    const std::vector<LayerSpec> layers{cell_layer(cell, inputs, 18), layers::dropout(0.5), layers::mean(),
                                        layers::linear(output_size(cell, 18), 2), layers::relu()};
    check(random_network<float>(layers));
    check(random_network<double>(layers));
  }
  check(random_network<float>({layers::embedding(6, 4), layers::gru(4, 5), layers::last(), layers::tanh()}));
  check(random_network<float>({layers::gru(inputs, 5), layers::max(), layers::tanh()}));
  check(random_network<float>({layers::gru(inputs, 5), layers::adaptive_softmax(5, 7, {2, 4}, 2.0)}));
  const Options three{{"input_size", inputs}, {"dilation", std::int64_t(2)}};
  const std::vector<std::vector<LayerSpec>> networks{
      {layers::delay(3, three), layers::linear(12, 2), layers::delay(2, {{"present", false}}), layers::max()},
      {layers::feedback({layers::linear(6, 2)}, 3)},
      {layers::delay(1, three), layers::feedback({layers::gru(10, 5), layers::linear(5, 2)}, 2), layers::mean()},
      {layers::feedback({layers::linear(inputs + 2, 5), layers::residual({layers::delay(1), layers::linear(10, 5)}),
                         layers::tanh(), layers::linear(5, 2)}),
       layers::chain({layers::elman(2, 3)}), layers::skip({layers::linear(3, 1)})},
      {layers::feedback({layers::gru(inputs + 2, 4), layers::stack_memory(3, 2)}, 1, 2), layers::linear(6, 2)},
      {layers::feedback({layers::lstm(inputs + 3, 4), layers::ntm_memory(5, 3)}, 1, 3), layers::linear(7, 2)}};
  for (std::size_t n = 0; n < networks.size(); ++n) {
    CAPTURE(n);
    check(random_network<float>(networks[n]));
    check(random_network<double>(networks[n]));
  }
}

TEST_CASE("stream: what counts allocations does count") {
  const auto counted = [](auto allocate) {
    const test::Allocations allocations;
    allocate();
    return allocations.count();
  };
  CHECK(counted([] { ::operator delete(::operator new(4)); }) == 1);
  CHECK(counted([] { AlignedVector<double>(10); }) == 1);
  CHECK(counted([] {
          void* volatile p = std::malloc(10);
          p = std::realloc(p, 20);
          std::free(p);
          p = std::calloc(2, 2);
          std::free(p);
        }) == 3);
  CHECK(counted([] {
          void* page = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          ::munmap(page, 4096);
        }) == 1);
  const test::Allocations allocations;
  {
    std::vector<char> large(12345);
  }
  CHECK(allocations.largest() == 12345);
}
#endif
