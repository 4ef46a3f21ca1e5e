#include "recurra/fit.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "../learning/checks.h"
#include "checkpoint.h"
#include "fitting.h"
#include "stateful.h"

namespace recurra {

namespace {

double base_rate(const FitOptions& options) {
  return std::visit([](const auto& settings) { return settings.learning_rate; }, options.optimizer);
}

void check(const FitOptions& o) {
  const auto require = [](bool condition, const std::string& name, double value, const std::string& expected) {
    if (!condition) throw std::invalid_argument("fit: " + name + " is " + std::to_string(value) + ", expected " + expected);
  };
  require(o.epochs >= 0, "epochs", o.epochs, "at least 0");
  require(o.batch_size >= 1, "batch_size", double(o.batch_size), "at least 1");
  require(o.sampling.begin >= 0 && o.sampling.begin <= 1, "sampling.begin", o.sampling.begin, "0 .. 1");
  require(o.sampling.end >= 0 && o.sampling.end <= 1, "sampling.end", o.sampling.end, "0 .. 1");
  require(o.sampling.epochs >= 1, "sampling.epochs", o.sampling.epochs, "at least 1");
  require(o.window >= 0, "window", double(o.window), "at least 1");
  require(o.clip_norm >= 0 && std::isfinite(o.clip_norm), "clip_norm", o.clip_norm, "a finite number > 0");
  require(o.clip_value >= 0 && std::isfinite(o.clip_value), "clip_value", o.clip_value, "a finite number > 0");
  require(o.checkpoint_every >= 0, "checkpoint_every", double(o.checkpoint_every), "at least 1");
  if (o.checkpoint.empty() && (o.resume || o.checkpoint_every > 0))
    throw std::invalid_argument(std::string("fit: ") + (o.resume ? "resume" : "checkpoint_every") +
                                " is given without a checkpoint, expected its file");
  if (o.stateful && o.shuffle)
    throw std::invalid_argument("fit: shuffle is on, expected shuffle=False, since stateful is on: batches follow each other");
  if (o.early_stopping) check_early_stopping(*o.early_stopping);
}

// A folder that is not there is better known before the first epoch than after it.
void check_folder(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::weakly_canonical(path).parent_path();
  if (::access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
    throw std::system_error(errno, std::generic_category(), "fit: checkpoint: " + path + ": cannot write into its folder");
}

// One call of fit.
template <class T>
class Run {
 public:
  Run(BasicNetwork<T>& network, const Data<T>& training, const Data<T>* validation, const FitOptions& options)
      : network_(network), validation_(validation), options_(options), fitting_(network, training, options) {
    if (options.checkpoint.empty()) return;
    check_folder(options.checkpoint);
    settings_ = run_settings(network, training, validation, options);
    const bool exists = std::filesystem::exists(options.checkpoint);
    if (exists && options.resume) resume();
    keeps_old_ = exists && !options.resume;
  }

  History fit() {
    bool interrupted = false;
    while (!interrupted && Index(run_.epochs.size()) < options_.epochs && !stops_early()) interrupted = !epoch();
    History history;
    history.epochs = run_.epochs;
    history.interrupted = interrupted;
    history.stopped_early = stops_early() && Index(run_.epochs.size()) < options_.epochs;
    history.best_epoch = best();
    if (!interrupted && !run_.best.empty()) std::copy(run_.best.begin(), run_.best.end(), network_.flat().begin());
    return history;
  }

 private:
  // The next one; false if it is to be the last.
  bool epoch() {
    const int number = int(run_.epochs.size());
    Epoch epoch;
    epoch.learning_rate = scheduled_rate(options_.schedule, base_rate(options_), number, monitored());
    if (!fitting_.epoch(number, epoch.learning_rate, [this] { save_if_due(); })) return false;
    bool interrupted = fitting_.stopped();
    try {
      if (validation_ && !interrupted)
        epoch.validation_loss = evaluate(network_, *validation_, options_.loss, options_.batch_size,
                                         {.interrupt = options_.interrupt, .segment = options_.segment}, options_.stateful);
    } catch (const InterruptedBatch&) {
      interrupted = true;
    }
    const PartialEpoch partial = fitting_.partial();
    epoch.loss = partial.mean.value();
    epoch.seconds = partial.seconds;
    run_.epochs.push_back(epoch);
    fitting_.finish();
    if (!validation_ || !std::isnan(epoch.validation_loss)) complete();
    return !(options_.on_epoch && options_.on_epoch(number, epoch)) && !interrupted;
  }

  // An epoch without its validation loss is not: a run that goes on must look at it first.
  void complete() {
    const bool keeps_best = options_.early_stopping && options_.early_stopping->restore_best;
    if (keeps_best && best() == int(run_.epochs.size()) - 1) run_.best.assign(network_.flat().begin(), network_.flat().end());
    save({});
  }

  void save_if_due() {
    const bool due =
        options_.checkpoint_every > 0 && fitting_.updates() - saved_updates_ >= std::uint64_t(options_.checkpoint_every);
    if (due && !(keeps_old_ && run_.epochs.empty())) save(fitting_.partial());
  }

  void save(const PartialEpoch& partial) {
    if (options_.checkpoint.empty()) return;
    run_.optimizer = fitting_.optimizer();
    run_.partial = partial;
    run_.state = fitting_.state();
    write_checkpoint(options_.checkpoint, network_, run_, settings_);
    saved_updates_ = fitting_.updates();
  }

  // Nothing of the caller's changes before all has been checked.
  void resume() {
    const std::string& path = options_.checkpoint;
    const Checkpoint checkpoint(path);
    require_same_run(settings_, checkpoint.settings(), path);
    const BasicNetwork<T> network = checkpoint.network<T>();
    RunState<T> run = checkpoint.run<T>();
    const Index begun = Index(run.epochs.size()) + (run.partial.batch > 0);
    if (options_.epochs < begun)
      throw std::invalid_argument("fit: epochs is " + std::to_string(options_.epochs) + ", expected at least " +
                                  std::to_string(begun) + " to resume the run in " + path);
    const bool restores = options_.early_stopping && options_.early_stopping->restore_best && !run.epochs.empty();
    if (network.layers() != network_.layers() || run.partial.batch > fitting_.batches() ||
        run.best.size() != (restores ? network.flat().size() : 0))
      throw std::runtime_error("load: " + path + ": its parts do not fit together");
    try {
      fitting_.resume(run.optimizer, run.partial, run.state);
    } catch (const std::invalid_argument& error) {
      throw std::runtime_error("load: " + path + ": " + error.what());
    }
    run_ = std::move(run);
    saved_updates_ = run_.optimizer.updates;
    network_ = network;  // with what a callback may have tied or frozen since the run began
  }

  std::vector<double> monitored() const {
    std::vector<double> losses;
    for (const Epoch& epoch : run_.epochs) losses.push_back(validation_ ? epoch.validation_loss : epoch.loss);
    return losses;
  }
  std::optional<int> best() const {
    return best_epoch(monitored(), options_.early_stopping ? options_.early_stopping->min_delta : 0);
  }
  bool stops_early() const { return options_.early_stopping && stops(*options_.early_stopping, monitored()); }

  BasicNetwork<T>& network_;
  const Data<T>* validation_;
  const FitOptions& options_;
  Fitting<T> fitting_;
  RunSettings settings_;
  RunState<T> run_;
  std::uint64_t saved_updates_ = 0;
  bool keeps_old_ = false;  // until the first epoch is complete
};

}  // namespace

template <class T>
History fit(BasicNetwork<T>& network, const Data<T>& training, const Data<T>* validation, const FitOptions& options) {
  check(options);
  check_schedule(options.schedule, base_rate(options));
  check_topology("fit", *network.model(), training.x, false, options.window);
  if (validation) check_topology("fit: validation", *network.model(), validation->x, false, 0);
  check_teaching("fit", *network.model(), training.x, std::max(options.sampling.begin, options.sampling.end), true);
  if (validation) check_teaching("fit: validation", *network.model(), validation->x, 0, true);
  check_segment("fit", *network.model(), training.x, options.segment);
  check_data("fit", *network.model(), training.x, training.target, options.loss);
  if (validation) check_data("fit: validation", *network.model(), validation->x, validation->target, options.loss);
  if (options.stateful) check_stateful("fit", network, training.x, options.batch_size);
  if (options.stateful && validation) check_stateful("fit: validation", network, validation->x, options.batch_size);
  return Run<T>(network, training, validation, options).fit();
}

template History fit(BasicNetwork<float>&, const Data<float>&, const Data<float>*, const FitOptions&);
template History fit(BasicNetwork<double>&, const Data<double>&, const Data<double>*, const FitOptions&);

}  // namespace recurra
