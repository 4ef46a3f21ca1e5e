#include "network.h"

namespace recurra::python {

void bind_optimizer_settings(py::module_& m) {
  py::class_<Sgd>(m, "Sgd").def(py::init(
      [](double learning_rate, double momentum, double l2, double l1) { return Sgd{learning_rate, momentum, {l2, l1}}; }));
  py::class_<Adam>(m, "Adam").def(py::init([](double learning_rate, double beta1, double beta2, double epsilon, double l2,
                                              double l1) { return Adam{learning_rate, beta1, beta2, epsilon, {l2, l1}}; }));
}

template <class T>
void bind_optimizer(py::module_& m, const char* name) {
  using Self = BasicOptimizer<T>;
  py::class_<Self>(m, name)
      .def(py::init([](const std::variant<Sgd, Adam>& settings, Index count) {
        return std::visit([&](const auto& s) { return std::make_unique<Self>(s, count); }, settings);
      }))
      .def("update", [](Self& self, PyNetwork<T>& network, const Array<T>& gradient) {
        self.update(network.network.flat(), {gradient.data(), std::size_t(gradient.size())});
      });
}

template void bind_optimizer<float>(py::module_&, const char*);
template void bind_optimizer<double>(py::module_&, const char*);

}  // namespace recurra::python
