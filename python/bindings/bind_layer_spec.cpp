#include "network.h"

namespace recurra::python {

namespace {

// Checked here too, since repr() and == walk the layers inside before a network ever sees them.
LayerSpec checked(std::string type, std::map<std::string, OptionValue> options, std::vector<LayerSpec> layers) {
  LayerSpec spec{std::move(type), std::move(options), std::move(layers)};
  if (is_too_deep(spec))
    throw std::invalid_argument("LayerSpec: " + spec.type + " has layers nested deeper than " + std::to_string(max_layer_depth) +
                                ", the limit");
  return spec;
}

}  // namespace

void bind_layer_spec(py::module_& m) {
  py::class_<LayerSpec>(m, "LayerSpec")
      .def(py::init(&checked), py::arg("type"), py::arg("options") = std::map<std::string, OptionValue>{},
           py::arg("layers") = std::vector<LayerSpec>{})
      .def_readonly("type", &LayerSpec::type)
      .def_readonly("options", &LayerSpec::options)
      .def_readonly("layers", &LayerSpec::children)
      .def("__eq__", [](const LayerSpec& a, const LayerSpec& b) { return a == b; })
      .def("__repr__", [](const LayerSpec& spec) { return to_string(spec); });
}

}  // namespace recurra::python
