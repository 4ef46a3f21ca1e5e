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
