#include "interrupt.h"
#include "network.h"

namespace recurra::python {

namespace {

template <class T>
Data<T> data_from(const DataTuple<T>& data, const Loss& loss, const BasicNetwork<T>& network) {
  return {sequences(data, network), target(data, loss, network)};
}

// Calls a Python callback from the engine. A Ctrl-C inside it stops training as one between batches does.
template <class... Args>
bool call(const py::object& callback, SignalCheck& signals, const Args&... args) {
  const py::gil_scoped_acquire lock;
  try {
    callback(args...);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_KeyboardInterrupt)) throw;
    return true;
  }
  return signals();
}

struct Settings {
  Loss loss;
  Optimizer optimizer;
  RateSchedule schedule;
  Index window;
  ScheduledSampling sampling;
  int epochs;
  Index batch_size;
  double clip_norm, clip_value;
  bool shuffle;
  std::uint64_t seed;
  std::optional<EarlyStopping> early_stopping;
  std::string checkpoint;
  Index checkpoint_every;
  bool resume, stateful;
  Index segment;
};

template <class T>
History fit_python(PyNetwork<T>& self, const DataTuple<T>& training, const std::optional<DataTuple<T>>& validation,
                   const Settings& settings, const py::object& on_batch, const py::object& on_epoch) {
  SignalCheck signals;
  FitOptions options;
  options.loss = settings.loss;
  options.optimizer = settings.optimizer;
  options.schedule = settings.schedule;
  options.window = settings.window;
  options.segment = settings.segment;
  options.sampling = settings.sampling;
  options.epochs = settings.epochs;
  options.batch_size = settings.batch_size;
  options.clip_norm = settings.clip_norm;
  options.clip_value = settings.clip_value;
  options.shuffle = settings.shuffle;
  options.seed = settings.seed;
  options.early_stopping = settings.early_stopping;
  options.checkpoint = settings.checkpoint;
  options.checkpoint_every = settings.checkpoint_every;
  options.resume = settings.resume;
  options.stateful = settings.stateful;
  options.interrupt = signals.function();
  options.on_batch = [&](const Progress& p) {
    if (on_batch.is_none()) return signals();
    return call(on_batch, signals, p.epoch, p.batch, p.batches, p.loss);
  };
  options.on_epoch = [&](int number, const Epoch& epoch) {
    return call(on_epoch, signals, number, epoch.loss, epoch.validation_loss, epoch.seconds);
  };
  const Data<T> data = data_from(training, options.loss, self.network);
  std::optional<Data<T>> held_out;
  if (validation) held_out = data_from(*validation, options.loss, self.network);
  History history;
  {
    const py::gil_scoped_release release;
    history = fit(self.network, data, held_out ? &*held_out : nullptr, options);
  }
  if (!signals.is_keyboard_interrupt()) signals.rethrow();
  return history;
}

}  // namespace

void bind_history(py::module_& m) {
  py::class_<EarlyStopping>(m, "EarlyStopping").def(py::init([](int patience, double min_delta, bool restore_best) {
    const EarlyStopping settings{patience, min_delta, restore_best};
    check_early_stopping(settings);
    return settings;
  }));
  py::class_<Settings>(m, "FitSettings")
      .def(py::init([](Loss loss, const Optimizer& optimizer, const RateSchedule& schedule, Index window,
                       const std::tuple<double, double, int>& sampling, int epochs, Index batch_size, double clip_norm,
                       double clip_value, bool shuffle, std::uint64_t seed, std::optional<EarlyStopping> early_stopping,
                       std::string checkpoint, Index checkpoint_every, bool resume, bool stateful, Index segment) {
             return Settings{std::move(loss),
                             optimizer,
                             schedule,
                             window,
                             {std::get<0>(sampling), std::get<1>(sampling), std::get<2>(sampling)},
                             epochs,
                             batch_size,
                             clip_norm,
                             clip_value,
                             shuffle,
                             seed,
                             early_stopping,
                             std::move(checkpoint),
                             checkpoint_every,
                             resume,
                             stateful,
                             segment};
           }),
           py::kw_only(), py::arg("loss"), py::arg("optimizer"), py::arg("schedule"), py::arg("window"), py::arg("sampling"),
           py::arg("epochs"), py::arg("batch_size"), py::arg("clip_norm"), py::arg("clip_value"), py::arg("shuffle"),
           py::arg("seed"), py::arg("early_stopping"), py::arg("checkpoint"), py::arg("checkpoint_every"), py::arg("resume"),
           py::arg("stateful"), py::arg("segment"));
  py::class_<Epoch>(m, "Epoch")
      .def_readonly("loss", &Epoch::loss)
      .def_readonly("validation_loss", &Epoch::validation_loss)
      .def_readonly("learning_rate", &Epoch::learning_rate)
      .def_readonly("seconds", &Epoch::seconds);
  py::class_<History>(m, "History")
      .def_readonly("epochs", &History::epochs)
      .def_readonly("interrupted", &History::interrupted)
      .def_readonly("stopped_early", &History::stopped_early)
      .def_readonly("best_epoch", &History::best_epoch);
}

template <class T>
void bind_fit(py::module_& m) {
  m.def("fit", &fit_python<T>, py::arg("network"), py::arg("training"), py::arg("validation"), py::arg("settings"),
        py::arg("on_batch"), py::arg("on_epoch"));
  m.def("evaluate", [](PyNetwork<T>& self, const DataTuple<T>& tuple, const Loss& loss, Index batch_size, bool stateful) {
    const Data<T> data = data_from(tuple, loss, self.network);
    SignalCheck signals;
    return unlocked(signals,
                    [&] { return evaluate(self.network, data, loss, batch_size, {.interrupt = signals.function()}, stateful); });
  });
}

template void bind_fit<float>(py::module_&);
template void bind_fit<double>(py::module_&);

}  // namespace recurra::python
