// The losses of a runner against their formulas, written out plainly, and against central differences.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "allocations.h"
#include "learning/loss.h"
#include "problem.h"
#include "recurra/fit.h"
#include "test_backends.h"

namespace {

using namespace recurra;
using test::difference;
using Vector = std::vector<double>;

constexpr std::int64_t ignored = -100;

// Every loss with settings that matter.
const std::vector<std::pair<std::string, Loss>> losses{
    {"mse", Loss::mse},
    {"mae", Loss::mae},
    {"huber", Loss::huber},
    {"huber(0.4)", Huber{0.4}},
    {"cross_entropy", Loss::cross_entropy},
    {"ignored", CrossEntropy{{}, ignored}},
    {"weights", CrossEntropy{{0.5, 2, 0}, {}}},
    {"weights, ignored, smoothing", CrossEntropy{{0.5, 2, 0.25}, ignored, 0.3}},
    {"smoothing", CrossEntropy{{}, 1, 0.2}},
    {"binary_cross_entropy", Loss::binary_cross_entropy},
    {"binary_cross_entropy(3)", BinaryCrossEntropy{3}}};

// A ragged batch of three outputs; the targets serve every loss, and the ignored class is met only where it is ignored.
struct Ragged {
  static constexpr Index batch = 4, time = 6, width = 3;
  explicit Ragged(const Loss& loss, bool pools = false)
      : network(pools ? std::vector{layers::gru(2, 5), layers::last(), layers::linear(5, width)}
                      : std::vector{layers::lstm(2, 5), layers::linear(5, width)},
                std::uint64_t(3)),
        x(test::random_vector(1, batch * time * 2, 3)),
        values(test::random_vector(2, batch * time * width)) {
    for (double& value : values) value = (value + 1) / 2;
    Random random{4};
    const auto* by_class = std::get_if<CrossEntropy>(&loss.settings());
    for (Index i = 0; i < batch * time; ++i) {
      classes.push_back(std::int64_t(random.below(3)));
      if (by_class && by_class->ignored_class == ignored && random.below(3) == 0) classes.back() = ignored;
    }
    for (double& weight : network.flat()) weight *= 3;
  }
  Sequences<double> sequences() const { return {x.data(), batch, time, lengths.data()}; }
  Target<double> target() const { return {values.data(), classes.data()}; }

  BasicNetwork<double> network;
  Vector x, values;
  std::vector<std::int64_t> classes;
  std::vector<Index> lengths{2, 6, 0, 5};
};

// One entry: its loss as textbooks have it, and its weight.
std::pair<double, double> by_formula(const Loss& loss, const double* y, const double* target, std::int64_t id) {
  constexpr Index width = Ragged::width;
  double sum = 0;
  if (const auto* s = std::get_if<CrossEntropy>(&loss.settings())) {
    if (id == s->ignored_class) return {0, 0};
    const auto weight = [&](Index j) { return s->class_weights.empty() ? 1 : s->class_weights[std::size_t(j)]; };
    double partition = 0;
    for (Index j = 0; j < width; ++j) partition += std::exp(y[j]);
    for (Index j = 0; j < width; ++j) {
      const double mass = (j == id ? 1 - s->label_smoothing : 0) + s->label_smoothing / width;
      sum -= mass * weight(j) * std::log(std::exp(y[j]) / partition);
    }
    return {sum, weight(id)};
  }
  for (Index j = 0; j < width; ++j) {
    const double d = std::abs(y[j] - target[j]), p = 1 / (1 + std::exp(-y[j]));
    switch (loss.kind()) {
      case Loss::mse: sum += d * d; break;
      case Loss::mae: sum += d; break;
      case Loss::huber: {
        const double delta = std::get<Huber>(loss.settings()).delta;
        sum += d <= delta ? d * d / 2 : delta * d - delta * delta / 2;
        break;
      }
      default:
        sum -= std::get<BinaryCrossEntropy>(loss.settings()).positive_weight * target[j] * std::log(p) +
               (1 - target[j]) * std::log(1 - p);
    }
  }
  return {sum / width, 1};
}

template <class T>
void check_squares(const Reductions<T>& reductions) {
  for (const Index count : {1, 3, 8, 15, 16, 17, 32, 47, 64, 101}) {
    CAPTURE(count);
    const std::vector<T> y = test::random_vector<T>(1, count), target = test::random_vector<T>(2, count);
    std::vector<T> d(y.size() + 1, T(7));
    double sum = 0;
    for (std::size_t j = 0; j < y.size(); ++j) sum += (double(y[j]) - double(target[j])) * (double(y[j]) - double(target[j]));
    const double found = reductions.squares(y.data(), target.data(), count, T(3), d.data());
    CHECK(found == doctest::Approx(sum).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-14));
    CHECK(reductions.squares(y.data(), target.data(), count, T(3), nullptr) == found);
    for (std::size_t j = 0; j < y.size(); ++j)
      CHECK(std::abs(double(d[j]) - 3 * (double(y[j]) - double(target[j]))) < (sizeof(T) == 4 ? 1e-6 : 1e-15));
    CHECK(d.back() == T(7));
  }
}

}  // namespace

TEST_CASE("loss: squares on every backend = plain loops, rows of any width") {
  for (const TestBackend& isa : all_backends()) {
    CAPTURE(isa.backend.name);
    check_squares(isa.backend.float32.reductions);
    check_squares(isa.backend.float64.reductions);
  }
}

TEST_CASE("loss: the losses = their formulas, means over the valid entries") {
  for (const auto& [name, loss] : losses)
    for (const bool pools : {false, true}) {
      CAPTURE(name);
      CAPTURE(pools);
      Ragged problem(loss, pools);
      BasicRunner<double> runner(problem.network);
      Vector y(std::size_t(problem.batch * problem.time * problem.width));
      runner.forward(problem.sequences(), y.data());
      double sum = 0, total = 0;
      for (Index i = 0; i < problem.batch; ++i)
        for (Index t = 0; t < (pools ? Index(problem.lengths[std::size_t(i)] > 0) : problem.lengths[std::size_t(i)]); ++t) {
          const Index entry = pools ? i : i * problem.time + t;
          const auto [value, weight] =
              by_formula(loss, y.data() + entry * problem.width, problem.values.data() + entry * problem.width,
                         problem.classes[std::size_t(entry)]);
          sum += value;
          total += weight;
        }
      REQUIRE(total > 0);
      CHECK(runner.loss(problem.sequences(), problem.target(), loss) == doctest::Approx(sum / total).epsilon(1e-13));
      for (const Index size : {1, 3})
        CHECK(evaluate(problem.network, {problem.sequences(), problem.target()}, loss, size) ==
              doctest::Approx(sum / total).epsilon(1e-13));
    }
}

TEST_CASE("loss: the gradients = central differences, ragged, pooled and windowed") {
  for (const auto& [name, loss] : losses)
    for (const bool pools : {false, true}) {
      CAPTURE(name);
      CAPTURE(pools);
      Ragged problem(loss, pools);
      BasicRunner<double> runner(problem.network);
      Vector gradient(problem.network.flat().size());
      const double value = runner.loss_and_gradient(problem.sequences(), problem.target(), loss, gradient.data());
      const auto objective = [&] { return runner.loss(problem.sequences(), problem.target(), loss); };
      CHECK(value == doctest::Approx(objective()).epsilon(1e-14));
      CHECK(difference(gradient, test::central_difference(problem.network.flat(), objective)) < 1e-8);
      if (pools) continue;
      Vector windowed(gradient.size());
      CHECK(runner.loss_and_gradient(problem.sequences(), problem.target(), loss, windowed.data(), nullptr, {4}) ==
            doctest::Approx(value).epsilon(1e-14));
    }
}

TEST_CASE("loss: what is masked neither counts nor is looked at") {
  for (const auto& [name, loss] : losses)
    for (const bool pools : {false, true}) {
      CAPTURE(name);
      CAPTURE(pools);
      Ragged problem(loss, pools);
      BasicRunner<double> runner(problem.network);
      const Index width = problem.width;
      std::vector<std::uint8_t> mask;
      for (Index i = 0; i < problem.batch * problem.time; ++i) mask.push_back(std::uint8_t(i % 3 != 1) * 7);
      Vector y(std::size_t(problem.batch * problem.time * width));
      runner.forward(problem.sequences(), y.data());
      double sum = 0, total = 0;
      for (Index i = 0; i < problem.batch; ++i)
        for (Index t = 0; t < (pools ? Index(problem.lengths[std::size_t(i)] > 0) : problem.lengths[std::size_t(i)]); ++t) {
          const std::size_t entry = std::size_t(pools ? i : i * problem.time + t), at = entry * std::size_t(width);
          if (mask[entry]) {
            const auto [value, weight] = by_formula(loss, y.data() + at, problem.values.data() + at, problem.classes[entry]);
            sum += value;
            total += weight;
          } else {
            std::fill_n(problem.values.begin() + Index(at), width, std::numeric_limits<double>::quiet_NaN());
            problem.classes[entry] = 1000;
          }
        }
      REQUIRE(total > 0);
      Target<double> target = problem.target();
      target.mask = mask.data();
      const auto objective = [&] { return runner.loss(problem.sequences(), target, loss); };
      CHECK(objective() == doctest::Approx(sum / total).epsilon(1e-13));
      for (const Index size : {1, 3})
        CHECK(evaluate(problem.network, {problem.sequences(), target}, loss, size) ==
              doctest::Approx(sum / total).epsilon(1e-13));
      Vector gradient(problem.network.flat().size());
      CHECK(runner.loss_and_gradient(problem.sequences(), target, loss, gradient.data()) ==
            doctest::Approx(sum / total).epsilon(1e-13));
      CHECK(difference(gradient, test::central_difference(problem.network.flat(), objective)) < 1e-8);
      FitOptions options;
      options.loss = loss;
      options.optimizer = Sgd{0};
      options.epochs = 1;
      options.batch_size = 3;
      if (!pools) options.window = 4;
      const History history = fit<double>(problem.network, {problem.sequences(), target}, nullptr, options);
      CHECK(history.epochs[0].loss == doctest::Approx(sum / total).epsilon(1e-13));
      if (!pools) {
        Vector windowed(gradient.size());
        CHECK(runner.loss_and_gradient(problem.sequences(), target, loss, windowed.data(), nullptr, {4}) ==
              doctest::Approx(sum / total).epsilon(1e-13));
      }
    }
}

TEST_CASE("loss: a mask of ones is none, a mask of zeros leaves nothing but the state") {
  for (const auto& [name, loss] : losses) {
    CAPTURE(name);
    Ragged problem(loss);
    BasicRunner<double> runner(problem.network);
    const auto run = [&](const std::vector<std::uint8_t>& mask, BasicState<double>& state) {
      Target<double> target = problem.target();
      target.mask = mask.empty() ? nullptr : mask.data();
      Vector result(problem.network.flat().size());
      result.push_back(runner.loss_and_gradient(problem.sequences(), target, loss, result.data(), &state));
      return result;
    };
    const std::size_t entries = std::size_t(problem.batch * problem.time);
    BasicState<double> plain(problem.network, problem.batch), ones = plain, zeros = plain;
    const Vector expected = run({}, plain);
    CHECK(run(std::vector<std::uint8_t>(entries, 1), ones) == expected);
    CHECK(run(std::vector<std::uint8_t>(entries, 0), zeros) == Vector(expected.size()));
    CHECK(std::ranges::equal(ones.data(), plain.data()));
    CHECK(std::ranges::equal(zeros.data(), plain.data()));
  }
}

TEST_CASE("loss: an epoch's loss is the mean over all its entries, whatever they weigh in their batch or window") {
  for (const auto& [name, loss] : losses) {
    CAPTURE(name);
    Ragged problem(loss);
    FitOptions options;
    options.loss = loss;
    options.optimizer = Sgd{0};
    options.epochs = 1;
    options.batch_size = 3;
    options.window = 4;
    const double expected = evaluate(problem.network, {problem.sequences(), problem.target()}, loss);
    const History history = fit<double>(problem.network, {problem.sequences(), problem.target()}, nullptr, options);
    CHECK(history.epochs[0].loss == doctest::Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("loss: where no entry counts it is 0, its gradient too, and the state still moves") {
  for (const Loss& loss : {Loss(CrossEntropy{{}, 1, 0.1}), Loss(CrossEntropy{{1, 0, 1}, {}, 0.1})}) {
    Ragged problem(loss);
    problem.classes.assign(problem.classes.size(), 1);
    BasicRunner<double> runner(problem.network);
    Vector gradient(problem.network.flat().size()), y(std::size_t(problem.batch * problem.time * problem.width));
    BasicState<double> state(problem.network, problem.batch), expected = state;
    runner.forward(problem.sequences(), y.data(), &expected);
    CHECK(runner.loss_and_gradient(problem.sequences(), problem.target(), loss, gradient.data(), &state) == 0);
    CHECK(gradient == Vector(gradient.size()));
    CHECK(std::ranges::equal(state.data(), expected.data()));
    CHECK(evaluate(problem.network, {problem.sequences(), problem.target()}, loss) == 0);
  }
}

TEST_CASE("loss: large logits neither overflow nor lose their digits") {
  BasicNetwork<double> network({layers::linear(1, 3)});
  std::ranges::copy(Vector{1000, -1000, 999, 0, 0, 0}, network.flat().begin());
  BasicRunner<double> runner(network);
  const Vector x{1};
  const auto check = [&](const Target<double>& target, const Loss& loss, double expected) {
    Vector gradient(network.flat().size());
    CHECK(runner.loss_and_gradient({x.data(), 1, 1}, target, loss, gradient.data()) == doctest::Approx(expected).epsilon(1e-14));
    for (const double g : gradient) CHECK(std::isfinite(g));
  };
  const double last = std::log1p(std::exp(-1));
  for (const auto& [id, expected] : {std::pair<std::int64_t, double>{0, last}, {1, 2000 + last}}) {
    const std::int64_t target = id;
    check({nullptr, &target}, Loss::cross_entropy, expected);
    check({nullptr, &target}, CrossEntropy{.label_smoothing = 0.3}, 0.7 * expected + 0.1 * (2001 + 3 * last));
  }
  const Vector none{0, 0, 0}, all{1, 1, 1};
  check({none.data()}, Loss::binary_cross_entropy, 1999. / 3);
  check({all.data()}, BinaryCrossEntropy{4}, 4000. / 3);
  std::ranges::copy(Vector{-40, 40, 0, 0, 0, 0}, network.flat().begin());
  const Vector right{0, 1, 0.5};  // exp(-40) would vanish beside 1
  Vector row(3);
  CHECK(loss_row(BinaryCrossEntropy{}, network.flat().data(), right.data(), 2, 1, row.data()) ==
        doctest::Approx(2 * std::exp(-40)).epsilon(1e-12));
  CHECK(row[0] == doctest::Approx(std::exp(-40)).epsilon(1e-12));
  CHECK(row[1] == doctest::Approx(-std::exp(-40)).epsilon(1e-12));
}

TEST_CASE("loss: a row does not allocate") {
  const Vector y{0.5, -1, 2}, target{0, 1, 0.5};
  const CrossEntropy loss{{1, 2, 3}, 7, 0.1};
  Vector dy(3);
  const test::Allocations allocations;
  double sum =
      loss_row(loss, y.data(), std::int64_t(2), 3, 1, dy.data()) + loss_row(Mae{}, y.data(), target.data(), 3, 1, dy.data());
  sum += loss_row(Huber{}, y.data(), target.data(), 3, 1, dy.data()) + loss_row(Mse{}, y.data(), target.data(), 3, 1, dy.data());
  sum += loss_row(BinaryCrossEntropy{}, y.data(), target.data(), 3, 1, dy.data());
  CHECK(allocations.count() == 0);
  CHECK(sum > 0);
}

TEST_CASE("loss: names, and settings that are refused by name") {
  for (const char* name : {"mse", "mae", "huber", "cross_entropy", "binary_cross_entropy"})
    CHECK(std::string(loss_from_name(name).name()) == name);
  CHECK(loss_from_name("huber") == Loss(Huber{1}));
  CHECK_THROWS_WITH_AS(
      loss_from_name("l2"),
      "loss is 'l2', expected 'mse', 'mae', 'huber', 'cross_entropy', 'binary_cross_entropy' or 'sampled_softmax'",
      std::invalid_argument);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refuse = [&](const Loss& loss, const char* message) {
    Ragged problem(loss);
    Vector gradient(problem.network.flat().size());
    BasicRunner<double> runner(problem.network);
    const std::string whole = std::string("loss_and_gradient: ") + message;
    CHECK_THROWS_WITH_AS(runner.loss_and_gradient(problem.sequences(), problem.target(), loss, gradient.data()), whole.c_str(),
                         std::invalid_argument);
  };
  refuse(Huber{0}, "delta is 0, expected a finite number > 0");
  refuse(Huber{nan}, "delta is nan, expected a finite number > 0");
  refuse(CrossEntropy{{1, 2}}, "class_weights has 2 values, expected 3, one per class");
  refuse(CrossEntropy{{1, -1, 2}}, "class_weights[1] is -1, expected a finite number >= 0");
  refuse(CrossEntropy{.label_smoothing = 1.5}, "label_smoothing is 1.5, expected 0 .. 1");
  refuse(BinaryCrossEntropy{-1}, "positive_weight is -1, expected a finite number >= 0");
  Ragged problem(Loss::mse);
  BasicRunner<double> runner(problem.network);
  problem.values[std::size_t(problem.time + 4) * 3 + 1] = 1.5;
  CHECK_THROWS_WITH_AS(runner.loss(problem.sequences(), problem.target(), Loss::binary_cross_entropy),
                       "target has the value 1.5 at (batch 1, time 4, feature 1), expected 0 .. 1 for binary_cross_entropy",
                       std::invalid_argument);
  problem.classes[std::size_t(problem.time + 4)] = 3;
  CHECK_THROWS_WITH_AS(runner.loss(problem.sequences(), problem.target(), CrossEntropy{{1, 1, 1}}),
                       "target has the class id 3 at (batch 1, time 4), expected 0 .. 2", std::invalid_argument);
}
