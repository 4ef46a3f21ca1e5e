// Streams are used as they are, without a Python class around them: a step costs one call.
#include <array>
#include <cmath>

#include "fast_method.h"
#include "network.h"
#include "step_arrays.h"

namespace recurra::python {

namespace {

template <class T>
class PyStream {
  static constexpr const char* owner = "stream";

 public:
  // Without `batch_size` the arrays of a step have no batch axis.
  PyStream(std::shared_ptr<PyNetwork<T>> network, std::optional<Index> batch_size, const std::string& weights, Index threads)
      : network_(std::move(network)),
        stream_(network_->network, {batch_size.value_or(1), format(weights), threads}),
        ids_(network_->network.takes_ids()),
        rank_(batch_size ? 2 : 1),
        in_{stream_.batch(), stream_.input_size()},
        out_{stream_.batch(), stream_.output_size()},
        // Only a step that takes some microseconds pays for giving the interpreter lock away.
        unlock_(Index(network_->network.flat().size()) * stream_.batch() > 500000),
        id_buffer_(ids_ ? std::size_t(stream_.batch()) : 0) {}

  // A step whose arguments need no second look. Null, and no error of Python: step_checked() must do it.
  PyObject* step(PyObject* x, PyObject* out) {
    if (inside_ || ids_ || !x || x == Py_None) return nullptr;
    const Index skipped = 2 - rank_, inputs = in_[0] * in_[1], outputs = out_[0] * out_[1];
    const T* from = arrays_.values(x, in_ + skipped, rank_, false);
    if (!from) return nullptr;
    const bool given = out && out != Py_None;
    py::object result =
        given ? py::reinterpret_borrow<py::object>(out) : py::reinterpret_steal<py::object>(arrays_.make(out_ + skipped, rank_));
    T* to = result ? arrays_.values(result.ptr(), out_ + skipped, rank_, true) : nullptr;
    if (!to || (given && from < to + outputs && to < from + inputs)) return nullptr;
    inside_ = true;
    const bool done = run({from, std::size_t(inputs)}, {to, std::size_t(outputs)});
    inside_ = false;
    return done ? result.release().ptr() : nullptr;
  }

  py::object step_checked(const py::object& x, const py::object& out) {
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
    if (!run({from, std::size_t(in_[0] * in_[1])}, {to, std::size_t(out_[0] * out_[1])})) refuse("step", from, in_[0] * in_[1]);
    return result;
  }

  // (time, features), or (batch, time, features).
  py::object process(const py::object& x, const py::object& out) {
    const Turn turn{inside_, "process", owner};
    const auto shape_of = [&](Index steps, Index width) { return std::array<Index, 3>{stream_.batch(), steps, width}; };
    const Index skipped = 2 - rank_, axes = ids_ ? rank_ : rank_ + 1;
    const auto given = ids_                           ? py::array::ensure(x)
                       : py::isinstance<py::array>(x) ? py::reinterpret_borrow<py::array>(x)
                                                      : py::array();
    const bool fits = given && given.ndim() == axes;
    if (given && !fits && (ids_ || py::isinstance<py::array>(x)))
      throw py::value_error("process: x has shape " + shape_text(given.shape(), given.ndim()) + ", expected (" +
                            (rank_ == 2 ? std::to_string(stream_.batch()) + ", " : "") + "time" +
                            (ids_ ? rank_ == 2 ? ")" : ",)" : ", " + std::to_string(in_[1]) + ")"));
    const Index steps = fits ? given.shape(rank_ - 1) : 0;
    const T* from;
    std::vector<T> ids;
    if (ids_) {
      ids.resize(std::size_t(stream_.batch() * steps));
      step_ids("process: x", x, shape_of(steps, 1).data() + skipped, axes, ids);
      from = ids.data();
    } else {
      from = step_array<T>("process: x", x, shape_of(steps, in_[1]).data() + skipped, axes);
    }
    const auto out_shape = shape_of(steps, out_[1]);
    py::object result = out;
    if (out.is_none()) result = Array<T>(std::vector<Index>(out_shape.begin() + skipped, out_shape.end()));
    T* to = step_array<T>("process: out", result, out_shape.data() + skipped, rank_ + 1, true);
    const Index inputs = in_[0] * in_[1] * steps, outputs = out_[0] * out_[1] * steps;
    if (!ids_ && from < to + outputs && to < from + inputs)
      throw py::value_error("process: out overlaps x, expected separate memory");
    bool done;
    {
      const py::gil_scoped_release release;
      done = stream_.process({from, std::size_t(inputs)}, {to, std::size_t(outputs)}, steps);
    }
    if (!done) refuse("process", from, inputs);
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
  std::size_t bytes() const { return stream_.bytes(); }
  py::dict weight_error() const {
    py::dict errors;
    for (const WeightError& matrix : stream_.weight_error()) errors[py::str(matrix.name)] = matrix.error;
    return errors;
  }

 private:
  static WeightFormat format(const std::string& name) {
    if (name == "float32" || name == "float64") return WeightFormat::full;
    if (name == "bfloat16") return WeightFormat::bfloat16;
    if (name == "int8") return WeightFormat::int8;
    throw py::value_error("stream: weights is '" + name + "', expected 'float32', 'bfloat16' or 'int8'");
  }

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
    step_ids("step: x", x, in_, rank_ - 1, id_buffer_);
    return id_buffer_.data();
  }

  // Says why the engine refused some steps.
  [[noreturn]] void refuse(const std::string& function, const T* x, Index count) const {
    for (Index i = 0; i < count; ++i) {
      if (ids_ && !(x[i] >= T(0) && x[i] < T(network_->network.num_ids())))
        throw py::value_error(function + ": x has the class id " + std::to_string(std::int64_t(x[i])) + ", expected 0 .. " +
                              std::to_string(network_->network.num_ids() - 1));
      if (!std::isfinite(x[i]))
        throw py::value_error(function + ": x[" + std::to_string(i) + "] is " + std::to_string(x[i]) +
                              ", expected finite values");
    }
    throw_busy(function.c_str());
  }

  std::shared_ptr<PyNetwork<T>> network_;
  BasicStream<T> stream_;
  bool ids_;
  Index rank_, in_[2], out_[2];
  bool unlock_, inside_ = false;
  std::vector<T> id_buffer_;
  FastArrays<T> arrays_;
};

template <class T>
PyObject* fast_step(PyObject* self, PyObject* const* values, Py_ssize_t count, PyObject* names) {
  PyObject* arguments[2];
  PyStream<T>* stream = self_of<PyStream<T>>(self);
  if (!two_arguments("x", "out", values, count, names, arguments)) {
    PyErr_SetString(PyExc_TypeError, "step: got other arguments, expected x and out, each at most once");
    return nullptr;
  }
  if (stream)
    if (PyObject* result = stream->step(arguments[0], arguments[1])) return result;
  if (PyErr_Occurred()) return nullptr;
  PyObject* checked = PyObject_GetAttrString(self, "step_checked");
  if (!checked) return nullptr;
  PyObject* result = PyObject_Vectorcall(checked, values, std::size_t(count), names);
  Py_DECREF(checked);
  return result;
}

}  // namespace

template <class T>
void bind_stream(py::module_& m, const char* name) {
  using Self = PyStream<T>;
  static PyMethodDef step{"step", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fast_step<T>)),
                          METH_FASTCALL | METH_KEYWORDS, "step($self, /, x=None, out=None)\n--\n\nThe output of the next step."};
  py::class_<Self> type(m, name);
  add_fast_method(type, step);
  type.def(py::init<std::shared_ptr<PyNetwork<T>>, std::optional<Index>, const std::string&, Index>())
      .def("step_checked", &Self::step_checked, py::arg("x") = py::none(), py::arg("out") = py::none())
      .def("process", &Self::process, py::arg("x"), py::arg("out") = py::none())
      .def("weight_error", &Self::weight_error)
      .def("bytes", &Self::bytes)
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
