// A network as Python holds it: with runners kept between calls, so that batches of like shape do not allocate.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "arrays.h"

namespace recurra::python {

template <class T>
class PyNetwork {
 public:
  explicit PyNetwork(BasicNetwork<T> source) : network(std::move(source)) {}

  // A runner of one's own until it goes out of scope.
  class Loan {
   public:
    explicit Loan(PyNetwork& owner) : owner_(owner) {
      const std::scoped_lock lock{owner.mutex_};
      if (owner.idle_.empty()) {
        runner_ = std::make_unique<BasicRunner<T>>(owner.network);
      } else {
        runner_ = std::move(owner.idle_.back());
        owner.idle_.pop_back();
      }
    }
    ~Loan() {
      const std::scoped_lock lock{owner_.mutex_};
      owner_.idle_.push_back(std::move(runner_));
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    BasicRunner<T>* operator->() { return runner_.get(); }

   private:
    PyNetwork& owner_;
    std::unique_ptr<BasicRunner<T>> runner_;
  };

  BasicNetwork<T> network;

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<BasicRunner<T>>> idle_;
};

void bind_isa(py::module_& m);
void bind_threads(py::module_& m);
void bind_layer_spec(py::module_& m);
void bind_loss(py::module_& m);
void bind_topology(py::module_& m);
template <class T>
void bind_network(py::module_& m, const char* name);
template <class T>
void bind_stream(py::module_& m, const char* name);
template <class T>
void bind_optimizer(py::module_& m, const char* name);
void bind_optimizer_settings(py::module_& m);
template <class T>
void bind_fit(py::module_& m);
void bind_history(py::module_& m);
template <class T>
void bind_diagnosis(py::module_& m, const char* name);
void bind_summary_types(py::module_& m);
template <class T>
void bind_summary(py::module_& m);
void bind_online_settings(py::module_& m);
template <class T>
void bind_online(py::module_& m, const char* name);
void bind_model_file(py::module_& m);
void bind_rate_schedule(py::module_& m);

}  // namespace recurra::python
