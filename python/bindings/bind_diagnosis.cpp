#include "network.h"

namespace recurra::python {

namespace {

template <class T>
Array<T> array(const std::vector<T>& values, std::vector<Index> shape) {
  Array<T> result(std::move(shape));
  std::copy(values.begin(), values.end(), result.mutable_data());
  return result;
}

template <class T>
std::unique_ptr<BasicDiagnosis<T>> diagnose(const PyNetwork<T>& owner, const Array<T>& x, const std::optional<Array<T>>& state) {
  const BasicNetwork<T>& network = owner.network;
  const Sequences<T> batch = sequences<T>({x, {}, {}, {}, {}, 0, {}, {}}, network);
  require(batch.batch == 1, "x: expected one sequence");
  const BasicState<T> start = state ? state_from(*state, network, 1) : BasicState<T>(network, 1);
  return std::make_unique<BasicDiagnosis<T>>(network, std::span(batch.data, std::size_t(x.size())), batch.time, &start);
}

template <class T>
Array<T> state_gradients(BasicDiagnosis<T>& self, Index step, const std::optional<Array<T>>& values,
                         std::optional<std::int64_t> id, const Loss& loss, Index outputs) {
  require(!values || values->size() == outputs, "target: expected the output's shape");
  const Target<T> target{values ? values->data() : nullptr, id ? &*id : nullptr};
  return array(self.state_gradients(step, target, loss), {step + 1, self.state_size()});
}

}  // namespace

template <class T>
void bind_diagnosis(py::module_& m, const char* name) {
  using Self = BasicDiagnosis<T>;
  py::class_<Self>(m, name)
      .def(py::init(&diagnose<T>), py::arg("network"), py::arg("x").noconvert(), py::arg("state"))
      .def("signals",
           [](const Self& self) {
             py::dict all;
             for (const Signal<T>& signal : self.signals())
               all[signal.name.c_str()] = array(signal.values, {self.time(), signal.width});
             return all;
           })
      .def("state_gradients", &state_gradients<T>, py::arg("step"), py::arg("values"), py::arg("id"), py::arg("loss"),
           py::arg("outputs"))
      .def("jacobians", [](Self& self) { return array(self.jacobians(), {self.time(), self.state_size(), self.state_size()}); });
}

template void bind_diagnosis<float>(py::module_&, const char*);
template void bind_diagnosis<double>(py::module_&, const char*);

}  // namespace recurra::python
