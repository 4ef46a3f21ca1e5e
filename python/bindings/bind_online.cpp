// Online learners. As for streams, a step costs one call: no Python class stands around it.
#include <cmath>

#include "interrupt.h"
#include "network.h"
#include "step_arrays.h"

namespace recurra::python {

namespace {

// What does not fit into memory is a MemoryError, not the ValueError that a length_error becomes.
template <class Work>
auto affordable(const Work& work) {
  try {
    return work();
  } catch (const std::length_error& error) {
    PyErr_SetString(PyExc_MemoryError, error.what());
    throw py::error_already_set();
  }
}

template <class T>
class PyOnline {
  static constexpr const char* owner = "learner";

 public:
  // Unless `batched` the arrays of a step have no batch axis.
  PyOnline(std::shared_ptr<PyNetwork<T>> network, const OnlineOptions& options, bool batched)
      : network_(std::move(network)),
        learner_(affordable([&] { return BasicOnline<T>(network_->network, options); })),
        takes_classes_(options.loss.takes_classes()),
        rank_(batched ? 2 : 1),
        ids_(network_->network.takes_ids() ? std::size_t(options.batch) : 0),
        classes_(takes_classes_ ? std::size_t(options.batch) : 0),
        weights_(std::size_t(options.batch)) {
    // Only steps that take some microseconds, or a block's end that takes longer, pay for giving the interpreter lock away.
    const OnlineReport report = learner_.report();
    unlock_ = report.flops_per_step * double(report.block) > 1e7;
  }

  py::tuple step(const py::object& x, const py::object& target, const py::object& weight, const py::object& teacher) {
    const Turn turn{inside_, "step", owner};
    const std::span<const T> from = read_x("step: x", x), weights = read_weights(weight), taught = read_teacher(teacher);
    const Target<T> goal = read_target(target);
    Array<T> y = new_output();
    const std::span<T> to{y.mutable_data(), std::size_t(y.size())};
    const double loss = run([&] { return learner_.step(from, to, goal, weights, taught); });
    return py::make_tuple(std::move(y), target.is_none() ? py::object(py::none()) : py::float_(loss));
  }

  Array<T> predict(const py::object& x) {
    const Turn turn{inside_, "predict", owner};
    const std::span<const T> from = read_x("predict: x", x);
    Array<T> y = new_output();
    const std::span<T> to{y.mutable_data(), std::size_t(y.size())};
    run([&] { learner_.predict(from, to); });
    return y;
  }

  void reset(std::optional<Index> row) {
    const Turn turn{inside_, "reset", owner};
    if (row)
      learner_.reset(*row);
    else
      learner_.reset();
  }

  Array<T> gradient() {
    const Turn turn{inside_, "gradient", owner};
    const std::span<const T> values = learner_.gradient();
    return Array<T>(Index(values.size()), values.data());
  }

  // (batch, state size, parameter's size)
  Array<T> influence(const std::string& parameter) {
    const Turn turn{inside_, "influence", owner};
    const std::vector<T> values = run([&] { return learner_.influence(parameter); });
    const Index states = network_->network.state_size(), rows = learner_.batch();
    return Array<T>({rows, states, Index(values.size()) / std::max<Index>(rows * states, 1)}, values.data());
  }

  Array<T> state() {
    const Turn turn{inside_, "state", owner};
    return array_from(learner_.state());
  }

  OnlineReport report() {
    const Turn turn{inside_, "report", owner};
    return learner_.report();
  }

  void reload() {
    const Turn turn{inside_, "reload", owner};
    run([&] { learner_.reload(); });
  }

  void save(const std::string& path) {
    const Turn turn{inside_, "save", owner};
    const py::gil_scoped_release release;
    learner_.save(path);
  }

  void load(const std::string& path) {
    const Turn turn{inside_, "load", owner};
    const py::gil_scoped_release release;
    learner_.load(path);
  }

  Index batch() const { return learner_.batch(); }

 private:
  template <class Work>
  auto run(const Work& work) {
    if (!unlock_) return work();
    const py::gil_scoped_release release;
    return work();
  }

  bool batched() const { return rank_ == 2; }

  Array<T> new_output() const {
    const Index shape[2] = {learner_.batch(), learner_.output_size()};
    return Array<T>(std::vector<Index>(shape + (2 - rank_), shape + 2));
  }

  std::span<const T> read_array(const char* name, const py::object& array, Index width) const {
    const Index shape[2] = {learner_.batch(), width};
    return {step_array<T>(name, array, shape + (2 - rank_), rank_), std::size_t(shape[0] * width)};
  }

  std::span<const T> read_x(const char* name, const py::object& x) {
    if (x.is_none() && learner_.input_size() == 0) return {};
    if (!network_->network.takes_ids()) return read_array(name, x, learner_.input_size());
    step_ids(name, x, batched(), ids_);
    return ids_;
  }

  Target<T> read_target(const py::object& target) {
    if (target.is_none()) return {};
    if (!takes_classes_) return {read_array("step: target", target, learner_.output_size()).data()};
    step_ids("step: target", target, batched(), classes_);
    return {nullptr, classes_.data()};
  }

  // A number for all rows, or an array with one for each.
  std::span<const T> read_weights(const py::object& weight) {
    if (batched() && py::isinstance<py::array>(weight)) {
      const Index shape[1] = {learner_.batch()};
      return {step_array<T>("step: weight", weight, shape, 1), weights_.size()};
    }
    double value;
    if (PyFloat_Check(weight.ptr()))
      value = PyFloat_AS_DOUBLE(weight.ptr());
    else  // rare: the package's own check of numbers
      value = py::cast<double>(py::module_::import("recurra._arrays").attr("number")("step: weight", weight));
    if (value == 1) return {};
    std::fill(weights_.begin(), weights_.end(), T(value));
    return weights_;
  }

  std::span<const T> read_teacher(const py::object& teacher) const {
    if (teacher.is_none()) return {};
    if (learner_.teacher_size() == 0)
      throw py::value_error("step: teacher is given, expected None: the network has no Feedback, or several");
    return read_array("step: teacher", teacher, learner_.teacher_size());
  }

  std::shared_ptr<PyNetwork<T>> network_;
  BasicOnline<T> learner_;
  bool takes_classes_, unlock_ = false, inside_ = false;
  Index rank_;
  std::vector<T> ids_;
  std::vector<std::int64_t> classes_;
  std::vector<T> weights_;
};

template <class T>
py::tuple online_gradient_python(const PyNetwork<T>& self, const DataTuple<T>& data, const Loss& loss, const OnlineRule& rule) {
  const Sequences<T> batch = sequences(data, self.network);
  const Target<T> goal = target(data, loss, self.network);
  Array<T> gradient(std::vector<Index>{Index(self.network.flat().size())});
  T* sum = gradient.mutable_data();
  std::fill_n(sum, gradient.size(), T(0));
  SignalCheck signals;
  const double value = affordable([&] {
    return unlocked(signals, [&] { return online_gradient(self.network, batch, goal, loss, rule, sum, signals.function()); });
  });
  return py::make_tuple(value, gradient);
}

}  // namespace

// The rules; each has a class in _rules.py that makes one of these.
void bind_online_settings(py::module_& m) {
  py::class_<Rtrl>(m, "Rtrl").def(
      py::init([](Index block, bool per_layer) { return Rtrl{block, per_layer ? Rtrl::Scope::layer : Rtrl::Scope::network}; }),
      py::kw_only(), py::arg("block"), py::arg("per_layer"));
  py::class_<SnAp>(m, "SnAp").def(py::init([](Index order) { return SnAp{order}; }), py::arg("order"));
  py::class_<EProp>(m, "EProp").def(py::init([] { return EProp{}; }));
  py::class_<KfRtrl>(m, "KfRtrl").def(py::init([](std::uint64_t seed) { return KfRtrl{seed}; }), py::arg("seed"));
  py::class_<Rflo>(m, "Rflo").def(py::init([](std::uint64_t seed) { return Rflo{seed}; }), py::arg("seed"));
  py::class_<Uoro>(m, "Uoro").def(py::init([](std::uint64_t seed) { return Uoro{seed}; }), py::arg("seed"));
  py::class_<RollingBptt>(m, "RollingBptt").def(py::init([](Index window) { return RollingBptt{window}; }), py::arg("window"));

  py::class_<OnlineOptions>(m, "OnlineOptions")
      .def(py::init([](const OnlineRule& rule, const Loss& loss, const Optimizer& optimizer, Index batch, Index update_every,
                       double leak, std::vector<std::string> frozen, std::optional<double> clip_norm, double guard,
                       std::uint64_t max_bytes) {
             return OnlineOptions{rule, loss, optimizer, batch, update_every, leak, frozen, clip_norm, guard, max_bytes};
           }),
           py::kw_only(), py::arg("rule"), py::arg("loss"), py::arg("optimizer"), py::arg("batch"), py::arg("update_every"),
           py::arg("leak"), py::arg("frozen"), py::arg("clip_norm"), py::arg("guard"), py::arg("max_bytes"));
  py::class_<OnlineReport>(m, "OnlineReport")
      .def_readonly("rule", &OnlineReport::rule)
      .def_readonly("exact", &OnlineReport::exact)
      .def_readonly("dropped", &OnlineReport::dropped)
      .def_readonly("block", &OnlineReport::block)
      .def_readonly("bytes", &OnlineReport::bytes)
      .def_readonly("flops_per_step", &OnlineReport::flops_per_step)
      .def_readonly("steps", &OnlineReport::steps)
      .def_readonly("updates", &OnlineReport::updates)
      .def_readonly("guard_events", &OnlineReport::guard_events);
}

template <class T>
void bind_online(py::module_& m, const char* name) {
  using Self = PyOnline<T>;
  py::class_<Self>(m, name)
      .def(py::init<std::shared_ptr<PyNetwork<T>>, const OnlineOptions&, bool>())
      .def_static("plan",
                  [](const PyNetwork<T>& network, const OnlineOptions& o) { return BasicOnline<T>::plan(network.network, o); })
      .def_static("gradient_of", &online_gradient_python<T>, py::arg("network"), py::arg("data").noconvert(), py::arg("loss"),
                  py::arg("rule"))
      .def("step", &Self::step, py::arg("x") = py::none(), py::arg("target") = py::none(), py::arg("weight") = 1.0,
           py::arg("teacher") = py::none())
      .def("predict", &Self::predict, py::arg("x") = py::none())
      .def("reset", &Self::reset, py::arg("row") = py::none())
      .def("gradient", &Self::gradient)
      .def("influence", &Self::influence, py::arg("parameter"))
      .def("state_array", &Self::state)
      .def("report", &Self::report)
      .def("reload", &Self::reload)
      .def("save", &Self::save, py::arg("path"))
      .def("load", &Self::load, py::arg("path"))
      .def_property_readonly("batch", &Self::batch);
}

template void bind_online<float>(py::module_&, const char*);
template void bind_online<double>(py::module_&, const char*);

}  // namespace recurra::python
