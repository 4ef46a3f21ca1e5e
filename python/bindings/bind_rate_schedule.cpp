#include "network.h"

namespace recurra::python {

void bind_rate_schedule(py::module_& m) {
  py::class_<ConstantRate>(m, "ConstantRate").def(py::init<>());
  py::class_<StepDecay>(m, "StepDecay").def(py::init([](int step_size, double factor) { return StepDecay{step_size, factor}; }));
  py::class_<ExponentialDecay>(m, "ExponentialDecay").def(py::init([](double factor) { return ExponentialDecay{factor}; }));
  py::class_<CosineDecay>(m, "CosineDecay").def(py::init([](int epochs, double minimum) {
    return CosineDecay{epochs, minimum};
  }));
  py::class_<ReduceOnPlateau>(m, "ReduceOnPlateau")
      .def(py::init([](double factor, int patience, double threshold, double minimum) {
        return ReduceOnPlateau{factor, patience, threshold, minimum};
      }));
  py::class_<LinearWarmup>(m, "LinearWarmup").def(py::init([](int epochs, decltype(LinearWarmup::then) then) {
    return LinearWarmup{epochs, then};
  }));
  m.def("check_schedule", &check_schedule);
  m.def("scheduled_rate", [](const RateSchedule& schedule, double rate, int epoch, const std::vector<double>& losses) {
    return scheduled_rate(schedule, rate, epoch, losses);
  });
}

}  // namespace recurra::python
