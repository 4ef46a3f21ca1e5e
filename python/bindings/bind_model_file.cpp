#include "network.h"

namespace recurra::python {

namespace {

py::object to_python(AnyNetwork any) {
  return std::visit(
      [](auto& network) {
        using T = typename std::remove_reference_t<decltype(network.flat())>::value_type;
        return py::cast(std::make_shared<PyNetwork<T>>(std::move(network)));
      },
      any);
}

}  // namespace

void bind_model_file(py::module_& m) {
  m.def("load", [](const std::string& path) {
    std::optional<AnyNetwork> network;
    {
      const py::gil_scoped_release release;
      network = load_any(path);
    }
    return to_python(std::move(*network));
  });
  m.def("from_bytes", [](const py::bytes& bytes) {
    const std::string_view view = bytes;
    return to_python(from_bytes({view.begin(), view.end()}));
  });
}

}  // namespace recurra::python
