#include "network.h"

namespace recurra::python {

void bind_threads(py::module_& m) {
  m.def("set_num_threads", &set_num_threads, py::arg("count"));
  m.def("num_threads", &num_threads);
}

}  // namespace recurra::python
