// NumPy arrays at the border. The Python side has already checked types and shapes and made them C-contiguous; what is
// checked here guards memory.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <tuple>

#include "recurra/recurra.h"

namespace py = pybind11;

namespace recurra::python {

// An array of exactly T, C-contiguous; pybind11 would otherwise convert silently.
template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Lengths = std::optional<Array<std::int64_t>>;

static_assert(sizeof(Index) == sizeof(std::int64_t));

inline void require(bool condition, const std::string& what) {
  if (!condition) throw py::value_error(what);
}

// What Python passes of a batch or a data set: x, lengths, teacher, target, mask, target time, target lengths, topology.
template <class T>
using DataTuple = std::tuple<Array<T>, Lengths, std::optional<Array<T>>, std::optional<py::array>, std::optional<Array<bool>>,
                             Index, Lengths, std::optional<Topology>>;

// x: (batch, time, features), over a topology (1, nodes, features); lengths: (batch); teacher: (batch, time, teacher size).
// The tuple must outlive the result.
template <class T>
Sequences<T> sequences(const DataTuple<T>& data, const BasicNetwork<T>& network) {
  const auto& [x, lengths, teacher, target, mask, target_time, target_lengths, topology] = data;
  require(x.ndim() == 3 && x.shape(2) == network.input_size(), "x: expected (batch, time, features)");
  if (topology) {
    require(x.shape(0) == 1 && x.shape(1) == topology->num_nodes() && !lengths && !teacher && !target_lengths,
            "x: expected (1, nodes, features)");
    return Sequences<T>::over(*topology, x.data());
  }
  require(!lengths || (lengths->ndim() == 1 && lengths->shape(0) == x.shape(0)), "lengths: expected (batch)");
  Sequences<T> batch{x.data(), x.shape(0), x.shape(1), lengths ? reinterpret_cast<const Index*>(lengths->data()) : nullptr};
  const Index steps = network.decodes() ? target_time : batch.time;
  require(!teacher || teacher->size() == batch.batch * steps * network.teacher_size(), "teacher: expected the output's shape");
  if (teacher) batch.teacher = teacher->data();
  require(!target_lengths || (target_lengths->ndim() == 1 && target_lengths->shape(0) == batch.batch),
          "target_lengths: expected (batch)");
  batch.target_time = target_time;
  if (target_lengths) batch.target_lengths = reinterpret_cast<const Index*>(target_lengths->data());
  return batch;
}

// target: values of the output's shape, or class ids without its last axis; mask: shaped as the latter.
template <class T>
Target<T> target(const DataTuple<T>& data, const Loss& loss, const BasicNetwork<T>& network) {
  const auto& [x, lengths, teacher, wanted, mask, target_time, target_lengths, topology] = data;
  const Index sequences = topology && network.pools() ? topology->num_structures() : x.shape(0);
  const Index entries = sequences * (network.pools() ? 1 : network.decodes() ? target_time : x.shape(1));
  require(wanted.has_value(), "target: expected one");
  Target<T> result;
  if (!loss.takes_classes()) {
    require(py::isinstance<Array<T>>(*wanted) && wanted->size() == entries * network.output_size(),
            "target: expected the output's shape");
    result.values = static_cast<const T*>(wanted->data());
  } else {
    require(py::isinstance<Array<std::int64_t>>(*wanted) && wanted->size() == entries,
            "target: expected one class id per output");
    result.classes = static_cast<const std::int64_t*>(wanted->data());
  }
  require(!mask || mask->size() == entries, "mask: expected one value per output");
  if (mask) result.mask = reinterpret_cast<const std::uint8_t*>(mask->data());
  return result;
}

// The states of a batch as (batch, state size), in and out.
template <class T>
BasicState<T> state_from(const Array<T>& array, const BasicNetwork<T>& network, Index batch) {
  require(array.ndim() == 2 && array.shape(0) == batch && array.shape(1) == network.state_size(),
          "state: expected (batch, state size)");
  BasicState<T> state(network, batch);
  std::copy_n(array.data(), array.size(), state.data().begin());
  return state;
}
template <class T>
Array<T> array_from(const BasicState<T>& state) {
  Array<T> array({state.batch(), state.size()});
  std::copy(state.data().begin(), state.data().end(), array.mutable_data());
  return array;
}

}  // namespace recurra::python
