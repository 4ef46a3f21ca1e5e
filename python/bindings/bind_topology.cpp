#include "network.h"

namespace recurra::python {

namespace {

using Numbers = Array<std::int64_t>;
using MaybeNumbers = std::optional<Numbers>;

std::vector<Index> numbers(const Numbers& array) { return {array.data(), array.data() + array.size()}; }
std::vector<Index> numbers(const MaybeNumbers& array) { return array ? numbers(*array) : std::vector<Index>{}; }
std::vector<double> values(const std::optional<Array<double>>& array) {
  return array ? std::vector<double>{array->data(), array->data() + array->size()} : std::vector<double>{};
}

Numbers array_of(const std::vector<Index>& from) {
  Numbers array(std::vector<Index>{Index(from.size())});
  std::copy(from.begin(), from.end(), array.mutable_data());
  return array;
}

Graphs make_graphs(const Numbers& sizes, const Numbers& source, const Numbers& target,
                   const std::optional<Array<double>>& features, const MaybeNumbers& types,
                   const std::optional<Array<double>>& weights) {
  Edges edges{numbers(source), numbers(target), values(features), 0, numbers(types), values(weights)};
  if (features) {
    require(features->ndim() == 2, "edge_features: expected (edges, features)");
    edges.num_features = features->shape(1);
  }
  return Graphs(numbers(sizes), edges);
}

}  // namespace

void bind_topology(py::module_& m) {
  py::class_<Topology>(m, "Topology")
      .def_property_readonly("num_nodes", &Topology::num_nodes)
      .def_property_readonly("num_structures", &Topology::num_structures)
      .def_property_readonly("sizes", [](const Topology& self) { return array_of(self.sizes()); })
      .def_property_readonly("structure_of", [](const Topology& self) { return array_of(self.structure_of()); })
      .def("nodes", [](const Topology& self, const Numbers& structures) { return array_of(self.nodes(numbers(structures))); });
  py::class_<Forest, Topology>(m, "Forest")
      .def(py::init([](const Numbers& parents, const MaybeNumbers& slots) { return Forest(numbers(parents), numbers(slots)); }),
           py::arg("parents"), py::arg("slots"))
      .def_static("graph",
                  [](Index nodes, const Numbers& source, const Numbers& target, const MaybeNumbers& slots) {
                    return Forest::graph(nodes, numbers(source), numbers(target), numbers(slots));
                  })
      .def_property_readonly("num_edges", &Forest::num_edges)
      .def_property_readonly("height", &Forest::height)
      .def_property_readonly("max_children", &Forest::max_children)
      .def_property_readonly("has_slots", &Forest::has_slots)
      .def_property_readonly("roots", [](const Forest& self) { return array_of(self.roots()); })
      .def("take", [](const Forest& self, const Numbers& trees) { return self.take(numbers(trees)); })
      .def("__eq__", [](const Forest& a, const Forest& b) { return a == b; });
  py::class_<Graphs, Topology>(m, "Graphs")
      .def(py::init(&make_graphs), py::arg("sizes"), py::arg("source"), py::arg("target"), py::arg("features"), py::arg("types"),
           py::arg("weights"))
      .def_property_readonly("num_edges", &Graphs::num_edges)
      .def("take", [](const Graphs& self, const Numbers& graphs) { return self.take(numbers(graphs)); })
      .def("__eq__", [](const Graphs& a, const Graphs& b) { return a == b; });
}

}  // namespace recurra::python
