// Methods called a million times a second: bound through CPython's own table of functions, without pybind11's search for an
// overload. Such a function does what it can do at once, and leaves everything else, errors above all, to a method that pybind11
// binds.
#pragma once

#include "arrays.h"

namespace recurra::python {

// The object behind `self`, null before its __init__.
template <class Self>
Self* self_of(PyObject* self) {
  return static_cast<Self*>(reinterpret_cast<py::detail::instance*>(self)->get_value_and_holder().value_ptr());
}

// The two arguments of a call, by position or by these names, null where they are left out. False for any other call.
inline bool two_arguments(const char* first, const char* second, PyObject* const* values, Py_ssize_t count, PyObject* names,
                          PyObject* (&to)[2]) {
  to[0] = to[1] = nullptr;
  const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
  if (count + named > 2) return false;
  for (Py_ssize_t i = 0; i < count; ++i) to[i] = values[i];
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    const int at = PyUnicode_CompareWithASCIIString(name, first) == 0    ? 0
                   : PyUnicode_CompareWithASCIIString(name, second) == 0 ? 1
                                                                         : -1;
    if (at < 0 || to[at]) return false;
    to[at] = values[count + i];
  }
  return true;
}

// What NumPy knows of arrays of T.
template <class T>
class FastArrays {
 public:
  FastArrays() : api_(py::detail::npy_api::get()), dtype_(py::dtype::of<T>()) {}

  // The values of an array of exactly T and this shape, as step_array() gives them; null if that has to look closer.
  T* values(PyObject* object, const Index* shape, Index rank, bool writes) const {
    const bool is_array = Py_TYPE(object) == api_.PyArray_Type_;
    if (!is_array) return nullptr;
    const auto* array = py::detail::array_proxy(object);
    constexpr int readable = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    const int flags = writes ? readable | py::detail::npy_api::NPY_ARRAY_WRITEABLE_ : readable;
    if (array->descr != dtype_.ptr() || (array->flags & flags) != flags || array->nd != int(rank)) return nullptr;
    for (Index i = 0; i < rank; ++i)
      if (array->dimensions[i] != shape[i]) return nullptr;
    return reinterpret_cast<T*>(array->data);
  }
  // A new array; null and an error of Python without memory.
  PyObject* make(const Index* shape, Index rank) const {
    Py_INCREF(dtype_.ptr());  // the call takes one
    return api_.PyArray_NewFromDescr_(api_.PyArray_Type_, dtype_.ptr(), int(rank), reinterpret_cast<const Py_intptr_t*>(shape),
                                      nullptr, nullptr, 0, nullptr);
  }

 private:
  const py::detail::npy_api& api_;
  py::dtype dtype_;
};

// Makes `definition`, which must live as long as the program, a method of a class.
inline void add_fast_method(py::handle type, PyMethodDef& definition) {
  PyObject* method = PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &definition);
  if (!method) throw py::error_already_set();
  type.attr(definition.ml_name) = py::reinterpret_steal<py::object>(method);
}

}  // namespace recurra::python
