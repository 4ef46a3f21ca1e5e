// Early stopping: when it stops, which epoch it calls the best, and whose parameters it leaves.
#include <doctest/doctest.h>

#include <stdexcept>

#include "problem.h"
#include "recurra/fit.h"

namespace {

using namespace recurra;
using Vector = std::vector<double>;

// A network that learns its training sequences by heart, and validation data that suffer from it.
struct Overfit {
  Overfit() : x(test::random_vector(1, 6 * 5)), y(test::random_vector(2, 6 * 5)), other_x(test::random_vector(3, 6 * 5)) {
    for (const double value : x) other_y.push_back(0.1 * value);
  }
  Data<double> training() const { return {{x.data(), 6, 5}, {y.data()}}; }
  Data<double> validation() const { return {{other_x.data(), 6, 5}, {other_y.data()}}; }
  Vector x, y, other_x, other_y;
};

BasicNetwork<double> small_network() { return BasicNetwork<double>({layers::gru(1, 8), layers::linear(8, 1)}, std::uint64_t(2)); }

FitOptions many_epochs() {
  FitOptions options;
  options.optimizer = Adam{3e-2};
  options.epochs = 200;
  options.batch_size = 4;
  return options;
}

}  // namespace

TEST_CASE("early_stopping: the best epoch, and when to stop") {
  const Vector losses{5, 4, 4, 3.5, 3.9, 3.6, 3.5};
  const auto best = [&](std::size_t count, double min_delta = 0) {
    return best_epoch(std::span(losses).first(count), min_delta);
  };
  CHECK(best(0) == std::nullopt);
  CHECK(best(1) == 0);
  CHECK(best(3) == 1);
  CHECK(best(7) == 3);
  CHECK(best(7, 0.5) == 1);  // 3.5 is not lower than 4 by more than 0.5
  CHECK(best(7, 1) == 3);    // nor is 4 than 5 by more than 1, but 3.5 is
  CHECK(best(7, 2) == 0);
  CHECK(best_epoch(Vector{std::nan(""), 2}) == 1);
  for (std::size_t count = 0; count <= losses.size(); ++count) {
    CHECK(stops({2}, std::span(losses).first(count)) == (count >= 6));
    CHECK(stops({1}, std::span(losses).first(count)) == (count == 3 || count >= 5));
    CHECK(stops({4}, std::span(losses).first(count)) == false);
  }
}

TEST_CASE("early_stopping: fit ends where the validation loss stops falling, with its best parameters") {
  const Overfit overfit;
  const Data<double> training = overfit.training(), validation = overfit.validation();
  BasicNetwork<double> free_network = small_network();
  const History whole = fit(free_network, training, &validation, many_epochs());
  CHECK_FALSE(whole.stopped_early);
  for (const bool restore : {true, false})
    for (const int patience : {1, 3, 7}) {
      CAPTURE(restore);
      CAPTURE(patience);
      BasicNetwork<double> network = small_network(), shorter = small_network();
      FitOptions options = many_epochs();
      options.early_stopping = EarlyStopping{patience, 0, restore};
      const History history = fit(network, training, &validation, options);
      REQUIRE(history.stopped_early);
      REQUIRE(history.best_epoch);
      CHECK_FALSE(history.interrupted);
      const int epochs = int(history.epochs.size());
      CHECK(epochs == *history.best_epoch + 1 + patience);
      CHECK(epochs < 200);
      for (int e = 0; e < epochs; ++e) {
        CHECK(history.epochs[std::size_t(e)].validation_loss == whole.epochs[std::size_t(e)].validation_loss);
        CHECK(history.epochs[std::size_t(e)].validation_loss >= history.epochs[std::size_t(*history.best_epoch)].validation_loss);
      }
      FitOptions fewer = many_epochs();
      fewer.epochs = restore ? *history.best_epoch + 1 : epochs;
      fit(shorter, training, &validation, fewer);
      CHECK(std::ranges::equal(network.flat(), shorter.flat()));
    }
}

TEST_CASE("early_stopping: the best parameters come back when the epochs run out, not after an interruption") {
  const Overfit overfit;
  const Data<double> training = overfit.training(), validation = overfit.validation();
  BasicNetwork<double> network = small_network(), stopped = small_network(), last = small_network();
  FitOptions options = many_epochs();
  options.epochs = 150;
  options.early_stopping = EarlyStopping{1000};
  const History history = fit(network, training, &validation, options);
  CHECK_FALSE(history.stopped_early);
  CHECK(evaluate(network, validation, Loss::mse, options.batch_size) ==
        history.epochs[std::size_t(*history.best_epoch)].validation_loss);
  options.on_epoch = [](int epoch, const Epoch&) { return epoch == 148; };
  CHECK(fit(stopped, training, &validation, options).interrupted);
  options = many_epochs();
  options.epochs = 149;
  fit(last, training, &validation, options);
  CHECK(std::ranges::equal(stopped.flat(), last.flat()));
  CHECK_FALSE(std::ranges::equal(network.flat(), last.flat()));
}

TEST_CASE("early_stopping: without validation data it looks at the training loss") {
  const Overfit overfit;
  BasicNetwork<double> network = small_network();
  FitOptions options = many_epochs();
  options.optimizer = Sgd{0};  // no progress at all
  options.early_stopping = EarlyStopping{3};
  const History history = fit<double>(network, overfit.training(), nullptr, options);
  CHECK(history.stopped_early);
  CHECK(history.epochs.size() == 4 + std::size_t(*history.best_epoch));
}

TEST_CASE("early_stopping: settings out of range are refused by name") {
  const Overfit overfit;
  BasicNetwork<double> network = small_network();
  FitOptions options;
  options.early_stopping = EarlyStopping{0};
  CHECK_THROWS_WITH_AS(fit<double>(network, overfit.training(), nullptr, options),
                       "EarlyStopping: patience is 0.000000, expected at least 1", std::invalid_argument);
  options.early_stopping = EarlyStopping{1, -1};
  CHECK_THROWS_WITH_AS(fit<double>(network, overfit.training(), nullptr, options),
                       doctest::Contains("EarlyStopping: min_delta is -1"), std::invalid_argument);
}
