#include "interrupt.h"
#include "network.h"

namespace recurra::python {

namespace {

template <class T>
using Values = std::optional<Array<T>>;

// Where a batch starts; trees and graphs have no say in it.
template <class T>
BasicState<T> start(const Values<T>& state, const Sequences<T>& batch, const BasicNetwork<T>& network) {
  require(!state || !batch.topology, "state: expected None over trees and graphs");
  return state ? state_from(*state, network, batch.batch) : BasicState<T>(network, batch.topology ? 0 : batch.batch);
}

template <class T>
py::tuple forward(PyNetwork<T>& self, const DataTuple<T>& data, const Values<T>& state, bool training, std::uint64_t noise) {
  const BasicNetwork<T>& network = self.network;
  const Sequences<T> batch = sequences(data, network);
  BasicState<T> carried = start(state, batch, network);
  std::vector<Index> shape{batch.batch};
  if (!network.pools()) shape.push_back(network.decodes() ? batch.target_time : batch.time);
  if (batch.topology && !network.pools()) shape.erase(shape.begin());
  shape.push_back(network.output_size());
  Array<T> y(shape);
  T* out = y.mutable_data();
  SignalCheck signals;
  unlocked(signals, [&] {
    typename PyNetwork<T>::Loan runner{self};
    runner->forward(batch, out, batch.topology ? nullptr : &carried, {0, training, noise, signals.function()});
  });
  return py::make_tuple(y, array_from(carried));
}

template <class T>
py::tuple loss_and_gradient(PyNetwork<T>& self, const DataTuple<T>& data, const Loss& loss, const Values<T>& state, Index window,
                            bool training, std::uint64_t noise, double sampling, Index segment) {
  const BasicNetwork<T>& network = self.network;
  const Sequences<T> batch = sequences(data, network);
  const Target<T> goal = target(data, loss, network);
  BasicState<T> carried = start(state, batch, network);
  Array<T> gradient(std::vector<Index>{Index(network.flat().size())});
  T* sum = gradient.mutable_data();
  std::fill_n(sum, gradient.size(), T(0));
  SignalCheck signals;
  const double value = unlocked(signals, [&] {
    typename PyNetwork<T>::Loan runner{self};
    Ranges touched;  // nowhere yet, so that the gradient is made in its place
    return runner->loss_and_gradient(batch, goal, loss, sum, batch.topology ? nullptr : &carried,
                                     {window, training, noise, signals.function(), !state, sampling, segment}, &touched);
  });
  return py::make_tuple(value, gradient, array_from(carried));
}

template <class T>
py::list decode_python(PyNetwork<T>& self, const DataTuple<T>& data, Index max_length, Index beam, double length_power) {
  const Sequences<T> batch = sequences(data, self.network);
  SignalCheck signals;
  const auto decoded =
      unlocked(signals, [&] { return decode(self.network, batch, {max_length, beam, length_power, signals.function()}); });
  py::list all;
  for (const std::vector<Decoded>& hypotheses : decoded) {
    py::list one;
    for (const Decoded& d : hypotheses) one.append(py::make_tuple(d.symbols, d.log_probability, d.score, d.ended));
    all.append(one);
  }
  return all;
}

template <class T>
Array<T> forecast_python(PyNetwork<T>& self, const Array<T>& history, const Values<T>& x, Index steps) {
  const BasicNetwork<T>& network = self.network;
  require(history.ndim() == 3 && history.shape(2) == network.output_size(), "history: expected (batch, time, output)");
  const Index batch = history.shape(0), time = history.shape(1);
  require(!x || (x->ndim() == 3 && x->shape(0) == batch && x->shape(1) == time + steps && x->shape(2) == network.input_size()),
          "x: expected (batch, time + steps, features)");
  Array<T> y(std::vector<Index>{batch, steps, network.output_size()});
  T* to = y.mutable_data();
  SignalCheck signals;
  unlocked(signals, [&] {
    forecast(network, {history.data(), batch, time, x ? x->data() : nullptr}, steps, to, {.interrupt = signals.function()});
  });
  return y;
}

template <class T>
Array<T> flat_view(py::object owner) {
  BasicNetwork<T>& network = owner.cast<PyNetwork<T>&>().network;
  return Array<T>({Index(network.flat().size())}, network.flat().data(), owner);
}

template <class T>
py::dict parameter_views(py::object owner) {
  BasicNetwork<T>& network = owner.cast<PyNetwork<T>&>().network;
  py::dict views;
  for (const Parameter& parameter : network.parameters())
    views[parameter.name.c_str()] = Array<T>(parameter.shape, network.flat().data() + parameter.offset, owner);
  return views;
}

}  // namespace

template <class T>
void bind_network(py::module_& m, const char* name) {
  using Self = PyNetwork<T>;
  py::class_<Self, std::shared_ptr<Self>>(m, name)
      .def(py::init([](std::vector<LayerSpec> layers, std::uint64_t seed) {
             return std::make_shared<Self>(BasicNetwork<T>(std::move(layers), seed));
           }),
           py::arg("layers"), py::arg("seed"))
      .def_property_readonly("layers", [](const Self& self) { return self.network.layers(); })
      .def_property_readonly("input_size", [](const Self& self) { return self.network.input_size(); })
      .def_property_readonly("output_size", [](const Self& self) { return self.network.output_size(); })
      .def_property_readonly("takes_ids", [](const Self& self) { return self.network.takes_ids(); })
      .def_property_readonly("num_ids", [](const Self& self) { return self.network.num_ids(); })
      .def_property_readonly("teacher_size", [](const Self& self) { return self.network.teacher_size(); })
      .def_property_readonly("decodes", [](const Self& self) { return self.network.decodes(); })
      .def_property_readonly("num_symbols", [](const Self& self) { return self.network.num_symbols(); })
      .def_property_readonly("pools", [](const Self& self) { return self.network.pools(); })
      .def_property_readonly("runs_over", [](const Self& self) { return self.network.runs_over(); })
      .def_property_readonly("looks_ahead", [](const Self& self) { return self.network.looks_ahead(); })
      .def_property_readonly("state_size", [](const Self& self) { return self.network.state_size(); })
      .def_property_readonly("state_blocks",
                             [](const Self& self) {
                               py::list blocks;
                               for (const StateBlock& block : self.network.state_blocks())
                                 blocks.append(py::make_tuple(block.name, block.layer, block.offset, block.width));
                               return blocks;
                             })
      .def("initial_state",
           [](const Self& self, Index batch) {
             require(batch >= 1, "initial_state: batch_size is " + std::to_string(batch) + ", expected at least 1");
             return array_from(BasicState<T>(self.network, batch));
           })
      .def("initialize",
           [](Self& self, std::uint64_t seed, std::string input, std::string recurrent, double scale, std::string bias,
              std::optional<double> forget_bias) {
             initialize(self.network, seed, {std::move(input), std::move(recurrent), scale, std::move(bias), forget_bias});
           })
      .def("tie", [](Self& self, const std::vector<std::string>& names) { self.network.tie(names); })
      .def("freeze", [](Self& self, const std::vector<std::string>& names) { self.network.freeze(names); })
      .def("unfreeze", [](Self& self, const std::vector<std::string>& names) { self.network.unfreeze(names); })
      .def_property_readonly("tied", [](const Self& self) { return self.network.tied(); })
      .def_property_readonly("frozen", [](const Self& self) { return self.network.frozen(); })
      .def("update_copies", [](const Self& self) { self.network.flat(); })
      .def("flat", &flat_view<T>)
      .def("parameters", &parameter_views<T>)
      .def("forward", &forward<T>, py::arg("data").noconvert(), py::arg("state"), py::arg("training"), py::arg("noise"))
      .def("loss_and_gradient", &loss_and_gradient<T>, py::arg("data").noconvert(), py::arg("loss"), py::arg("state"),
           py::arg("window"), py::arg("training"), py::arg("noise"), py::arg("sampling"), py::arg("segment"))
      .def("decode", &decode_python<T>, py::arg("data").noconvert(), py::arg("max_length"), py::arg("beam"),
           py::arg("length_power"))
      .def("encoder", [](const Self& self) { return std::make_shared<Self>(encoder(self.network)); })
      .def("forecast", &forecast_python<T>, py::arg("history").noconvert(), py::arg("x"), py::arg("steps"))
      .def("save",
           [](const Self& self, const std::string& path) {
             const py::gil_scoped_release release;
             save(self.network, path);
           })
      .def("to_bytes", [](const Self& self) {
        const std::vector<char> bytes = to_bytes(self.network);
        return py::bytes(bytes.data(), bytes.size());
      });
}

template void bind_network<float>(py::module_&, const char*);
template void bind_network<double>(py::module_&, const char*);

}  // namespace recurra::python
