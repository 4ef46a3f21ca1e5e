// Streams are used as they are, without a Python class around them: a step costs one call.
#include <cmath>

#include "network.h"
#include "step_arrays.h"

namespace recurra::python {

namespace {

template <class T>
class PyStream {
  static constexpr const char* owner = "stream";

 public:
  // Without `batch_size` the arrays of a step have no batch axis.
  PyStream(std::shared_ptr<PyNetwork<T>> network, std::optional<Index> batch_size)
      : network_(std::move(network)),
        stream_(network_->network, batch_size.value_or(1)),
        ids_(network_->network.takes_ids()),
        rank_(batch_size ? 2 : 1),
        in_{stream_.batch(), stream_.input_size()},
        out_{stream_.batch(), stream_.output_size()},
        // Only a step that takes some microseconds pays for giving the interpreter lock away.
        unlock_(Index(network_->network.flat().size()) * stream_.batch() > 500000),
        id_buffer_(ids_ ? std::size_t(stream_.batch()) : 0) {}

  py::object step(const py::object& x, const py::object& out) {
    const Turn turn{inside_, "step", owner};
    const T* from = ids_ ? read_ids(x) : x.is_none() && in_[1] == 0 ? nullptr : check("step: x", x, in_, false);
    py::object result = out;
    T* to;
    if (out.is_none()) {
      result = Array<T>(std::vector<Index>(out_ + (2 - rank_), out_ + 2));
      to = static_cast<T*>(py::reinterpret_borrow<py::array>(result).mutable_data());
    } else {
      to = check("step: out", out, out_, true);
      if (from && from < to + out_[0] * out_[1] && to < from + in_[0] * in_[1])
        throw py::value_error("step: out overlaps x, expected separate memory");
    }
    if (!run({from, std::size_t(in_[0] * in_[1])}, {to, std::size_t(out_[0] * out_[1])})) refuse(from);
    return result;
  }

  void observe(const py::object& seen) {
    const Turn turn{inside_, "observe", owner};
    const Index width = stream_.teacher_size(), shape[2] = {stream_.batch(), width};
    if (width == 0) throw py::value_error("observe: the network has no Feedback layer, or several, expected one");
    const T* from = check("observe: y", seen, shape, false);
    if (stream_.observe({from, std::size_t(shape[0] * width)})) return;
    for (Index i = 0; i < shape[0] * width; ++i)
      if (!std::isfinite(from[i]))
        throw py::value_error("observe: y[" + std::to_string(i) + "] is " + std::to_string(from[i]) + ", expected finite values");
    throw_busy("observe");
  }
  Array<T> state() const { return array_from(stream_.state()); }
  void set_state(const Array<T>& array) { stream_.set_state(state_from(array, network_->network, stream_.batch())); }
  void reset(std::optional<Index> row) {
    if (row)
      stream_.reset(*row);
    else
      stream_.reset();
  }
  void reload() { stream_.reload(); }
  Index batch() const { return stream_.batch(); }

 private:
  [[noreturn]] static void throw_busy(const char* function = "step") { Turn::throw_busy(function, owner); }

  bool run(std::span<const T> x, std::span<T> y) {
    if (!unlock_) return stream_.step(x, y);
    const py::gil_scoped_release release;
    return stream_.step(x, y);
  }

  T* check(const char* name, const py::object& object, const Index* shape, bool writes) const {
    return step_array<T>(name, object, shape + (2 - rank_), rank_, writes);
  }

  // One id, or (batch) of them, as the numbers the engine reads.
  const T* read_ids(const py::object& x) {
    step_ids("step: x", x, rank_ == 2, id_buffer_);
    return id_buffer_.data();
  }

  // Says why the engine refused a step.
  [[noreturn]] void refuse(const T* x) const {
    for (Index i = 0; i < in_[0] * in_[1]; ++i) {
      if (ids_ && !(x[i] >= T(0) && x[i] < T(network_->network.num_ids())))
        throw py::value_error("step: x has the class id " + std::to_string(std::int64_t(x[i])) + ", expected 0 .. " +
                              std::to_string(network_->network.num_ids() - 1));
      if (!std::isfinite(x[i]))
        throw py::value_error("step: x[" + std::to_string(i) + "] is " + std::to_string(x[i]) + ", expected finite values");
    }
    throw_busy();
  }

  std::shared_ptr<PyNetwork<T>> network_;
  BasicStream<T> stream_;
  bool ids_;
  Index rank_, in_[2], out_[2];
  bool unlock_, inside_ = false;
  std::vector<T> id_buffer_;
};

}  // namespace

template <class T>
void bind_stream(py::module_& m, const char* name) {
  using Self = PyStream<T>;
  py::class_<Self>(m, name)
      .def(py::init<std::shared_ptr<PyNetwork<T>>, std::optional<Index>>())
      .def("step", &Self::step, py::arg("x") = py::none(), py::arg("out") = py::none())
      .def("observe", &Self::observe, py::arg("y"))
      .def("state_array", &Self::state)
      .def("set_state_array", &Self::set_state)
      .def("reset", &Self::reset, py::arg("row") = py::none())
      .def("reload", &Self::reload)
      .def_property_readonly("batch", &Self::batch);
}

template void bind_stream<float>(py::module_&, const char*);
template void bind_stream<double>(py::module_&, const char*);

}  // namespace recurra::python
