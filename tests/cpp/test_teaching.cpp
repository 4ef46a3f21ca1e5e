// What a network that decodes is fed while it learns.
#include <doctest/doctest.h>

#include <stdexcept>

#include "recurra/fit.h"
#include "translation_problem.h"

using namespace recurra;
using test::Translation;
using test::Vector;

TEST_CASE("teaching: what is fed back is the target or a teacher, whatever the loss compares") {
  Translation words({test::translation_cases()[0].layer}), numbers({test::translation_cases()[7].layer});
  const auto run = [](const Translation& problem, const Target<double>& target, const Loss& loss, const double* teacher) {
    Sequences<double> x = problem.sequences();
    x.teacher = teacher;
    return BasicRunner<double>(problem.network).loss(x, target, loss);
  };
  Vector ids;
  for (const std::int64_t id : words.classes) ids.push_back(double(id));
  // A target with both: symbols are fed back by their classes, values as they are.
  const Target<double> both_words{words.values.data(), words.classes.data()},
      both_numbers{numbers.values.data(), numbers.classes.data()};
  CHECK(run(words, both_words, Loss::cross_entropy, nullptr) == run(words, words.target(), Loss::cross_entropy, ids.data()));
  CHECK(run(words, both_words, Loss::mse, nullptr) == run(words, {words.values.data()}, Loss::mse, ids.data()));
  CHECK(run(numbers, both_numbers, Loss::mse, nullptr) == run(numbers, numbers.target(), Loss::mse, numbers.values.data()));
  CHECK(run(numbers, both_numbers, Loss::cross_entropy, nullptr) ==
        run(numbers, {nullptr, numbers.classes.data()}, Loss::cross_entropy, numbers.values.data()));
  // A target without what is fed back.
  CHECK_THROWS_WITH_AS(run(words, {words.values.data()}, Loss::mse, nullptr),
                       "loss: the target has no classes, expected them or a teacher: the network feeds symbols back",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(run(numbers, {nullptr, numbers.classes.data()}, Loss::cross_entropy, nullptr),
                       "loss: the target has no values, expected them or a teacher: the network feeds values back",
                       std::invalid_argument);
  FitOptions options;
  options.loss = Loss::mse;
  CHECK_THROWS_WITH_AS(fit<double>(words.network, {words.sequences(), {words.values.data()}}, nullptr, options),
                       "fit: the target has no classes, expected them or a teacher: the network feeds symbols back",
                       std::invalid_argument);
}

TEST_CASE("teaching: a network that pools sees the teacher at every step") {
  const Index batch = 3, time = 6;
  const std::vector<Index> lengths{2, 6, 5};
  const Vector x = test::random_vector(1, batch * time * 3), teacher = test::random_vector(2, batch * time * 2);
  Sequences<double> sequences{x.data(), batch, time, lengths.data()};
  sequences.teacher = teacher.data();
  const LayerSpec loop = layers::feedback({layers::linear(5, 2), layers::tanh()});
  const BasicNetwork<double> whole({loop}, 1), pooled({loop, layers::last()}, 1);
  Vector all(std::size_t(batch * time * 2)), last(std::size_t(batch * 2));
  BasicRunner<double>(whole).forward(sequences, all.data());
  BasicRunner<double>(pooled).forward(sequences, last.data());
  for (Index i = 0; i < batch; ++i)
    for (Index j = 0; j < 2; ++j)
      CHECK(last[std::size_t(i * 2 + j)] == all[std::size_t((i * time + lengths[std::size_t(i)] - 1) * 2 + j)]);
}
