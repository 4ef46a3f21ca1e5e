#include "network.h"

namespace recurra::python {

void bind_layer_spec(py::module_& m) {
  py::class_<LayerSpec>(m, "LayerSpec")
      .def(py::init<std::string, std::map<std::string, OptionValue>, std::vector<LayerSpec>>(), py::arg("type"),
           py::arg("options") = std::map<std::string, OptionValue>{}, py::arg("layers") = std::vector<LayerSpec>{})
      .def_readonly("type", &LayerSpec::type)
      .def_readonly("options", &LayerSpec::options)
      .def_readonly("layers", &LayerSpec::children)
      .def("__eq__", [](const LayerSpec& a, const LayerSpec& b) { return a == b; })
      .def("__repr__", [](const LayerSpec& spec) { return to_string(spec); });
}

}  // namespace recurra::python
