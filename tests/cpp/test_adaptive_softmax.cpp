// The adaptive softmax: its loss by classes = that of all its log-probabilities, gradients too; what is refused.
#include <doctest/doctest.h>

#include "layers/adaptive_softmax.h"
#include "layers/cutoffs.h"
#include "layers/log_softmax.h"
#include "network_problem.h"
#include "recurra/recurra.h"

namespace {

using namespace recurra;
using doctest::Contains;
using test::difference;

// A layer, its weights and rows that go into it; their classes in no order.
template <class T>
struct ClassProblem {
  ClassProblem(std::vector<std::int64_t> cutoffs, double div_value, Index num_rows)
      : rows(num_rows), network({layers::adaptive_softmax(inputs, classes, cutoffs, div_value)}) {
    const std::vector<T> values = test::random_vector<T>(1, Index(network.flat().size()), 0.8);
    std::copy(values.begin(), values.end(), network.flat().begin());
    x = test::random_vector<T>(2, rows * stride, 2.0);
    for (Index i = 0; i < rows; ++i) {
      wanted.push_back(i * 13 % classes);
      scales.push_back(i == 2 ? 0.0 : 0.5 + 0.25 * double(i % 4));
    }
  }
  const Layer<T>& layer() const { return *network.model()->layers[0]; }
  const ClassScorer<T>& scorer() const { return dynamic_cast<const ClassScorer<T>&>(layer()); }

  double class_loss(T* dx, T* gradient) {
    const auto weights = layer().make_weights();
    layer().refresh(network.flat().data(), *weights);
    const auto scratch = scorer().make_class_scratch();
    const ClassRows<T> problem{rows, x.data(), stride, wanted.data(), scales.data(), dx, stride};
    return scorer().class_loss(*weights, *scratch, problem, gradient);
  }
  // By way of all log-probabilities, in one level.
  double full_loss(std::vector<T>& dx, std::vector<T>& gradient) {
    const auto weights = layer().make_weights();
    layer().refresh(network.flat().data(), *weights);
    const Schedule schedule = Schedule::sequences(rows, 1);
    const auto tape = layer().make_tape();
    tape->in = tape->out = &schedule;
    layer().reserve(*tape, true);
    tape->x = x.data();
    tape->dx = dx.data();
    tape->x_stride = tape->dx_stride = stride;
    layer().forward(*weights, *tape, schedule.all_levels());
    layer().clear_cotangents(*tape);
    double loss = 0;
    for (Index i = 0; i < rows; ++i) {
      const double scale = scales[std::size_t(i)];
      const Index cls = wanted[std::size_t(i)];
      loss -= scale * double(tape->y[i * tape->y_stride + cls]);
      tape->dy[i * tape->dy_stride + cls] = T(-scale);
    }
    layer().backward(*weights, *tape, schedule.all_levels());
    layer().gradient(*tape, schedule.all_levels(), {gradient.data()});
    return loss;
  }

  static constexpr Index inputs = 7, classes = 37, stride = inputs + 2;
  Index rows;
  BasicNetwork<T> network;
  std::vector<T> x;
  std::vector<std::int64_t> wanted;
  std::vector<double> scales;
};

struct Shape {
  std::vector<std::int64_t> cutoffs;
  double div_value;
};
const std::vector<Shape> shapes{{{}, 4.0}, {{5}, 4.0}, {{36}, 1.0}, {{1, 2, 20}, 1.5}, {{4, 11}, 2.0}, {{3, 30}, 0.7}};

template <class T>
void check_equal_losses(double tolerance) {
  for (std::size_t n = 0; n < shapes.size(); ++n)
    for (const Index rows : {1, 5, 300}) {  // 300: more than are taken at once
      CAPTURE(n);
      CAPTURE(rows);
      ClassProblem<T> p(shapes[n].cutoffs, shapes[n].div_value, rows);
      std::vector<T> dx(p.x.size()), gradient(p.network.flat().size()), full_dx(dx.size()), full_gradient(gradient.size());
      const double loss = p.class_loss(dx.data(), gradient.data());
      CHECK(difference(loss, p.full_loss(full_dx, full_gradient)) < tolerance);
      CHECK(difference(dx, full_dx) < tolerance);
      CHECK(difference(gradient, full_gradient) < tolerance);
      CHECK(p.class_loss(nullptr, nullptr) == loss);
      std::vector<T> again(gradient.size());
      p.class_loss(nullptr, again.data());
      CHECK(again == gradient);
      p.class_loss(dx.data(), gradient.data());  // added to what is there
      for (T& g : again) g *= 2;
      CHECK(difference(gradient, again) < tolerance);
    }
}

}  // namespace

TEST_CASE("adaptive softmax: the loss by classes and its gradients = those of all log-probabilities") {
  check_equal_losses<double>(1e-12);
  check_equal_losses<float>(3e-5);
}

TEST_CASE("adaptive softmax: gradients of the loss by classes = central differences") {
  for (const Shape& shape : shapes) {
    CAPTURE(shape.cutoffs.size());
    ClassProblem<double> p(shape.cutoffs, shape.div_value, 40);
    std::vector<double> dx(p.x.size()), gradient(p.network.flat().size());
    p.class_loss(dx.data(), gradient.data());
    const auto loss = [&] { return p.class_loss(nullptr, nullptr); };
    CHECK(difference(gradient, test::central_difference(p.network.flat(), loss)) < 1e-7);
    CHECK(difference(dx, test::central_difference(p.x, loss)) < 1e-7);
  }
}

TEST_CASE("adaptive softmax: probabilities sum to 1, and it pays where there is a cluster") {
  for (const Shape& shape : shapes) {
    CAPTURE(shape.cutoffs.size());
    ClassProblem<double> p(shape.cutoffs, shape.div_value, 1);
    p.scales = {1};
    double sum = 0;
    for (p.wanted[0] = 0; p.wanted[0] < p.classes; ++p.wanted[0]) sum += std::exp(-p.class_loss(nullptr, nullptr));
    CHECK(std::abs(sum - 1) < 1e-13);
    CHECK(p.scorer().pays(1) == !shape.cutoffs.empty());
  }
}

TEST_CASE("log softmax: = the definition, for scores far apart, and a NaN is seen") {
  const Reductions<double>& reductions = kernels<double>(backend()).reductions;
  for (const Index count : {1, 2, 15, 16, 100, 3000}) {
    CAPTURE(count);
    std::vector<double> scores = test::random_vector(3, count, 300), e(scores.size()), expected;
    long double sum = 0;
    const double largest = *std::max_element(scores.begin(), scores.end());
    for (const double s : scores) sum += std::exp((long double)(s - largest));
    for (const double s : scores) expected.push_back(double((s - largest) - std::log(sum)) + 0.5);
    std::vector<double> wrong = scores;
    log_softmax(reductions, scores.data(), count, 0.5);
    reductions.exponentials(wrong.data(), count, e.data());
    CHECK(difference(scores, expected) < 1e-15 * 8);
    for (std::size_t j = 0; j < e.size(); ++j) CHECK(std::abs(e[j] - std::exp(wrong[j] - largest)) < 1e-15);
    wrong.back() = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(reductions.exponentials(wrong.data(), count, nullptr).sum));
  }
}

TEST_CASE("adaptive softmax: cutoffs and units that make no sense are refused") {
  const auto refuse = [](LayerSpec spec, const char* message) {
    CAPTURE(to_string(spec));
    CHECK_THROWS_WITH_AS(Network{{spec}}, Contains(message), std::invalid_argument);
  };
  using layers::adaptive_softmax;
  const std::vector<std::vector<std::int64_t>> wrong{{0}, {-1}, {10}, {3, 3}, {5, 4}, {2, 11}};
  for (const auto& cutoffs : wrong)
    refuse(adaptive_softmax(8, 10, cutoffs), "expected increasing integers, 1 .. num_classes - 1 (9), and commas between them");
  for (const char* text : {" 3", "3,", "03", "3;5", "3,,5", "three", "+3", "99999999999999999999"}) {
    LayerSpec spec = adaptive_softmax(8, 10);
    spec.options["cutoffs"] = std::string(text);
    refuse(spec, ("has cutoffs = '" + std::string(text) + "', expected increasing integers").c_str());
  }
  LayerSpec spec = adaptive_softmax(8, 10);
  spec.options["cutoffs"] = std::int64_t(3);
  refuse(spec, "has an option 'cutoffs' that is not a text");
  for (const double bad : {0.0, -2.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    refuse(adaptive_softmax(8, 10, {3}, bad), "expected a finite number above 0");
  refuse(adaptive_softmax(8, 10, {3, 5}), "has no unit left for the projection of cluster 1");
  refuse(adaptive_softmax(8, 10, {3}, 1e-300), "has sizes whose product overflows");
  refuse(adaptive_softmax(0, 10), "has input_size = 0");
  refuse(adaptive_softmax(8, 0), "has num_classes = 0");
  refuse(adaptive_softmax(std::int64_t(1) << 40, std::int64_t(1) << 40), "has sizes whose product overflows");
  CHECK(cluster_units(100, 3, 4.0) == std::vector<double>{25, 6, 1});
  CHECK(cluster_units(6, 2, 0.1) == std::vector<double>{59, 599});  // 0.1 is a little more than a tenth
}
