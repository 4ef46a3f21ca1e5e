// The arrays of one step: taken as they are, for speed; what does not fit exactly is refused.
#pragma once

#include <string>
#include <vector>

#include "arrays.h"

namespace recurra::python {

template <class T>
constexpr const char* dtype_name() {
  return sizeof(T) == sizeof(float) ? "float32" : "float64";
}

inline std::string type_name(const py::object& object) { return std::string(py::str(py::type::of(object).attr("__name__"))); }

inline std::string shape_text(const Index* shape, Index rank) {
  std::string text = "(";
  for (Index i = 0; i < rank; ++i)
    text += std::to_string(shape[i]) + (rank == 1 || i + 1 < rank ? "," : "") + (i + 1 < rank ? " " : "");
  return text + ")";
}

// The values of an array of exactly T and this shape.
template <class T>
T* step_array(const char* name, const py::object& object, const Index* shape, Index rank, bool writes = false) {
  if (!py::isinstance<py::array>(object))
    throw py::type_error(std::string(name) + " is a " + type_name(object) + ", expected an array of " + dtype_name<T>());
  const auto array = py::reinterpret_borrow<py::array>(object);
  if (!py::isinstance<py::array_t<T>>(object))
    throw py::type_error(std::string(name) + " has dtype " + std::string(py::str(array.dtype().attr("str"))) + ", expected " +
                         dtype_name<T>() + " in the machine's byte order");
  bool same = array.ndim() == rank;
  for (Index i = 0; same && i < rank; ++i) same = array.shape(i) == shape[i];
  if (!same)
    throw py::value_error(std::string(name) + " has shape " + shape_text(array.shape(), array.ndim()) + ", expected " +
                          shape_text(shape, rank));
  if (!(array.flags() & py::array::c_style))
    throw py::value_error(std::string(name) + " is not C-contiguous, expected a C-contiguous array");
  if (!(array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_))
    throw py::value_error(std::string(name) + " is not aligned, expected aligned memory");
  if (writes && !array.writeable()) throw py::value_error(std::string(name) + " is read-only, expected a writable array");
  return const_cast<T*>(static_cast<const T*>(array.data()));
}

// Class ids of this shape, as numbers; `to` has as many elements.
template <class Id>
void step_ids(const char* name, const py::object& object, const Index* shape, Index rank, std::vector<Id>& to) {
  const auto array = py::array::ensure(object);
  if (!array || (array.dtype().kind() != 'i' && array.dtype().kind() != 'u'))
    throw py::type_error(std::string(name) + " is no array of integers, expected class ids");
  const Index size = Index(to.size());
  bool same = array.size() == size && array.ndim() <= rank;
  for (Index i = 0; same && array.ndim() == rank && i < rank; ++i) same = array.shape(i) == shape[i];
  if (!same)
    throw py::value_error(std::string(name) + " has shape " + shape_text(array.shape(), array.ndim()) + ", expected " +
                          shape_text(shape, rank));
  const auto ids = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(array);
  for (Index i = 0; i < size; ++i) {
    const std::int64_t id = ids.data()[i];
    if (id < 0 && array.dtype().kind() == 'u')
      throw py::value_error(std::string(name) + " has a class id beyond 2**63 - 1, expected a smaller one");
    to[std::size_t(i)] = Id(id);
  }
}

// One of them where there is no batch axis, else as many as `to`.
template <class Id>
void step_ids(const char* name, const py::object& object, bool batched, std::vector<Id>& to) {
  const Index size = Index(to.size());
  step_ids(name, object, &size, batched ? 1 : 0, to);
}

// One thread at a time. The interpreter lock guards the mark: it may be given away while the engine works.
class Turn {
 public:
  Turn(bool& inside, const char* function, const char* owner) : inside_(inside) {
    if (inside) throw_busy(function, owner);
    inside = true;
  }
  ~Turn() { inside_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  [[noreturn]] static void throw_busy(const std::string& function, const std::string& owner) {
    throw std::runtime_error(function + ": the " + owner + " is in use by another thread, expected one thread at a time");
  }

 private:
  bool& inside_;
};

}  // namespace recurra::python
