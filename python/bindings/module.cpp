// recurra._core: one bind_x call per concept.
#include <typeinfo>

#include "network.h"

namespace {

// A message may name a path, and paths need not be UTF-8: as os.fsdecode().
pybind11::object path_text(const char* message) {
  return pybind11::reinterpret_steal<pybind11::object>(PyUnicode_DecodeFSDefault(message));
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  using namespace recurra::python;
  m.doc() = "Recurra's engine. Use the recurra package, which checks and converts arguments.";
  m.attr("__version__") = RECURRA_VERSION;
  // A file that cannot be opened is an OSError (FileNotFoundError, PermissionError, ...) in Python.
  py::register_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::system_error& failure) {
      const py::object arguments = py::make_tuple(failure.code().value(), path_text(failure.what()));
      PyErr_SetObject(PyExc_OSError, arguments.ptr());
    } catch (const std::invalid_argument& failure) {
      PyErr_SetObject(PyExc_ValueError, path_text(failure.what()).ptr());
    } catch (const std::runtime_error& failure) {
      if (typeid(failure) != typeid(std::runtime_error)) throw;  // pybind11 knows the others
      PyErr_SetObject(PyExc_RuntimeError, path_text(failure.what()).ptr());
    }
  });
  bind_isa(m);
  bind_threads(m);
  bind_layer_spec(m);
  bind_loss(m);
  bind_topology(m);
  bind_network<float>(m, "NetworkF32");
  bind_network<double>(m, "NetworkF64");
  bind_stream<float>(m, "StreamF32");
  bind_stream<double>(m, "StreamF64");
  bind_optimizer_settings(m);
  bind_optimizer<float>(m, "OptimizerF32");
  bind_optimizer<double>(m, "OptimizerF64");
  bind_rate_schedule(m);
  bind_history(m);
  bind_fit<float>(m);
  bind_fit<double>(m);
  bind_diagnosis<float>(m, "DiagnosisF32");
  bind_diagnosis<double>(m, "DiagnosisF64");
  bind_online_settings(m);
  bind_online<float>(m, "OnlineF32");
  bind_online<double>(m, "OnlineF64");
  bind_summary_types(m);
  bind_summary<float>(m);
  bind_summary<double>(m);
  bind_model_file(m);
}
