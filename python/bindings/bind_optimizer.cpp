#include "network.h"

namespace recurra::python {

void bind_optimizer_settings(py::module_& m) {
  py::class_<Sgd>(m, "Sgd").def(py::init([](double learning_rate, double momentum, bool nesterov, double l2, double l1,
                                            bool lazy) { return Sgd{learning_rate, momentum, {l2, l1}, nesterov, lazy}; }),
                                py::kw_only(), py::arg("learning_rate"), py::arg("momentum"), py::arg("nesterov"), py::arg("l2"),
                                py::arg("l1"), py::arg("lazy"));
  py::class_<Adam>(m, "Adam").def(
      py::init([](double learning_rate, double beta1, double beta2, double epsilon, double l2, double l1, bool lazy) {
        return Adam{learning_rate, beta1, beta2, epsilon, {l2, l1}, lazy};
      }),
      py::kw_only(), py::arg("learning_rate"), py::arg("beta1"), py::arg("beta2"), py::arg("epsilon"), py::arg("l2"),
      py::arg("l1"), py::arg("lazy"));
  py::class_<AdamW>(m, "AdamW")
      .def(py::init([](double learning_rate, double beta1, double beta2, double epsilon, double weight_decay, bool lazy) {
             return AdamW{learning_rate, beta1, beta2, epsilon, weight_decay, lazy};
           }),
           py::kw_only(), py::arg("learning_rate"), py::arg("beta1"), py::arg("beta2"), py::arg("epsilon"),
           py::arg("weight_decay"), py::arg("lazy"));
  py::class_<RmsProp>(m, "RmsProp")
      .def(py::init([](double learning_rate, double alpha, double epsilon, double momentum, bool centered, double l2, double l1,
                       bool lazy) { return RmsProp{learning_rate, alpha, epsilon, momentum, centered, {l2, l1}, lazy}; }),
           py::kw_only(), py::arg("learning_rate"), py::arg("alpha"), py::arg("epsilon"), py::arg("momentum"),
           py::arg("centered"), py::arg("l2"), py::arg("l1"), py::arg("lazy"));
  py::class_<Adagrad>(m, "Adagrad")
      .def(
          py::init([](double learning_rate, double learning_rate_decay, double initial_accumulator, double epsilon, double l2,
                      double l1) { return Adagrad{learning_rate, learning_rate_decay, initial_accumulator, epsilon, {l2, l1}}; }),
          py::kw_only(), py::arg("learning_rate"), py::arg("learning_rate_decay"), py::arg("initial_accumulator"),
          py::arg("epsilon"), py::arg("l2"), py::arg("l1"));
}

template <class T>
void bind_optimizer(py::module_& m, const char* name) {
  using Self = BasicOptimizer<T>;
  py::class_<Self>(m, name)
      .def(py::init([](const Optimizer& settings, Index count) { return std::make_unique<Self>(settings, count); }))
      .def("update",
           [](Self& self, PyNetwork<T>& network, const Array<T>& gradient) {
             self.update(network.network, {gradient.data(), std::size_t(gradient.size())});
           })
      .def_property("learning_rate", &Self::learning_rate, &Self::set_learning_rate)
      .def("state",
           [](const Self& self) {
             const OptimizerState<T> state = self.state();
             py::dict vectors;
             for (const auto& [key, vector] : state.vectors) vectors[key.c_str()] = Array<T>(Index(vector.size()), vector.data());
             return py::make_tuple(state.updates, vectors);
           })
      .def("set_state", [](Self& self, std::uint64_t updates, const std::map<std::string, Array<T>>& vectors) {
        OptimizerState<T> state{updates};
        for (const auto& [key, array] : vectors) state.vectors[key].assign(array.data(), array.data() + array.size());
        self.set_state(std::move(state));
      });
}

template void bind_optimizer<float>(py::module_&, const char*);
template void bind_optimizer<double>(py::module_&, const char*);

}  // namespace recurra::python
