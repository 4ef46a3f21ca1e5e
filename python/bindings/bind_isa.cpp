#include "network.h"

namespace recurra::python {

void bind_isa(py::module_& m) {
  m.def("isa", &isa);
  m.def("available_isas", &available_isas);
  m.def("cell_names", &cell_names);
}

}  // namespace recurra::python
