#include "network.h"

namespace recurra::python {

namespace {

template <class T>
Footprint footprint(const PyNetwork<T>& self, Index batch, Index time, Index target_time, const std::optional<Topology>& topology,
                    const std::vector<Index>& structures, const Optimizer& optimizer, Index window, Index segment) {
  Sequences<T> shape;
  if (topology) shape = Sequences<T>::over(*topology, nullptr);
  if (topology) shape.rows = structures.data();
  shape.batch = topology ? Index(structures.size()) : batch;
  if (!topology) shape.time = time;
  shape.target_time = target_time;
  const py::gil_scoped_release release;
  return training_footprint(self.network, shape, optimizer, window, segment);
}

}  // namespace

void bind_summary_types(py::module_& m) {
  py::class_<LayerSummary>(m, "LayerSummary")
      .def_readonly("name", &LayerSummary::name)
      .def_readonly("description", &LayerSummary::description)
      .def_readonly("depth", &LayerSummary::depth)
      .def_readonly("input_size", &LayerSummary::input_size)
      .def_readonly("output_size", &LayerSummary::output_size)
      .def_readonly("trained", &LayerSummary::trained)
      .def_readonly("frozen", &LayerSummary::frozen)
      .def_readonly("copies", &LayerSummary::copies)
      .def_readonly("state", &LayerSummary::state)
      .def_property_readonly("forward", [](const LayerSummary& self) { return self.work.forward.by; })
      .def_property_readonly("training", [](const LayerSummary& self) { return self.work.training.by; })
      .def_property_readonly("pointwise_forward", [](const LayerSummary& self) { return self.work.pointwise_forward.by; })
      .def_property_readonly("pointwise_training", [](const LayerSummary& self) { return self.work.pointwise_training.by; });
  py::class_<Footprint>(m, "Footprint")
      .def_readonly("threads", &Footprint::threads)
      .def_readonly("traffic", &Footprint::traffic)
      .def_readonly("steps", &Footprint::steps)
      .def_readonly("weights", &Footprint::weights)
      .def_readonly("activations", &Footprint::activations)
      .def_readonly("cotangents", &Footprint::cotangents)
      .def_readonly("gradients", &Footprint::gradients)
      .def_readonly("optimizer", &Footprint::optimizer);
}

template <class T>
void bind_summary(py::module_& m) {
  m.def("summary", [](const PyNetwork<T>& self) { return summary(self.network).layers; });
  m.def("training_footprint", &footprint<T>, py::arg("network"), py::kw_only(), py::arg("batch"), py::arg("time"),
        py::arg("target_time"), py::arg("topology"), py::arg("structures"), py::arg("optimizer"), py::arg("window"),
        py::arg("segment"));
}

template void bind_summary<float>(py::module_&);
template void bind_summary<double>(py::module_&);

}  // namespace recurra::python
