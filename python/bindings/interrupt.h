// Ctrl-C while the engine works without the interpreter lock.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <functional>
#include <memory>

#include "recurra/runner.h"

namespace recurra::python {

// Looks for pending signals at most every 50 ms. The Python exception a handler raises is kept until it is asked for.
class SignalCheck {
 public:
  bool operator()() {
    const auto now = std::chrono::steady_clock::now();
    if (raised_) return true;
    if (now < next_) return false;
    next_ = now + std::chrono::milliseconds(50);
    const pybind11::gil_scoped_acquire lock;
    if (PyErr_CheckSignals() == 0) return false;
    raised_ = std::make_unique<pybind11::error_already_set>();
    return true;
  }
  std::function<bool()> function() {
    return [this] { return (*this)(); };
  }
  bool is_keyboard_interrupt() const { return raised_ && raised_->matches(PyExc_KeyboardInterrupt); }
  // Throws what the handler raised, if it did.
  void rethrow() const {
    if (raised_) throw *raised_;
  }

 private:
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  std::unique_ptr<pybind11::error_already_set> raised_;
};

// Runs `work` without the interpreter lock; a Ctrl-C in it becomes KeyboardInterrupt.
template <class Work>
auto unlocked(SignalCheck& signals, const Work& work) {
  try {
    const pybind11::gil_scoped_release release;
    return work();
  } catch (const InterruptedBatch&) {
    signals.rethrow();
    throw;
  }
}

}  // namespace recurra::python
