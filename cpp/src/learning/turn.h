// One thread at a time; whoever comes second is refused.
//
// A locked instruction waits until all that was stored before has left the processor, which keeps the steps of a small stream
// from overlapping. So the thread that makes the steps has a seat, which it takes by plain loads and stores. Another thread that
// begins to make them puts a seat of its own in the place of that one and makes all threads pass a memory barrier (membarrier(2))
// before it looks: either it finds the seat of before taken, or whoever is about to take that finds it put away. D. Dice, M. Moir
// and W. Scherer, Quickly reacquirable locks (2003). Where threads take the steps over again and again, or the system has no such
// barrier, all of them enter by a locked instruction. A visitor, who makes no steps, puts the seat back when it leaves.
#pragma once

#include <atomic>
#include <stdexcept>
#include <string>

namespace recurra {

class OneThread {
 public:
  using Taken = std::atomic<bool>;

  OneThread() { has_barrier(); }  // asked here, as the first answer takes long

  // What leave() gives back; null: somebody else is inside.
  Taken* enter() noexcept {
    Seat* const seat = last_.load(std::memory_order_acquire);
    if (!seat || seat->thread.load(std::memory_order_relaxed) != &here_) return take_over();
    if (seat->taken.load(std::memory_order_acquire)) return nullptr;
    seat->taken.store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // the compiler keeps this order; for the processor see put
    if (last_.load(std::memory_order_acquire) == seat) return &seat->taken;
    leave(seat->taken);
    return nullptr;
  }
  Taken* visit() noexcept;
  void leave(Taken& taken) noexcept {
    if (&taken == &closed_) last_.store(visited_, std::memory_order_release);
    taken.store(false, std::memory_order_release);
  }
  bool inside() const noexcept;

 private:
  struct Seat {
    std::atomic<const char*> thread{nullptr};
    Taken taken{false};
  };
  static constexpr int most_seats = 16;  // one after the other, and none again

  static bool has_barrier() noexcept;
  Taken* take_over() noexcept;
  Taken* take_seat() noexcept;
  Taken* take_shared() noexcept { return shared_.exchange(true, std::memory_order_acquire) ? nullptr : &shared_; }
  bool put(Seat* seat) noexcept;

#if defined(__GLIBC__)
  [[gnu::tls_model("initial-exec")]]  // without a call, in a shared library too
#endif
  static inline constinit thread_local char here_ = 0;  // its address is the thread's name
  std::atomic<Seat*> last_{nullptr};
  Seat seats_[most_seats];
  int used_ = 0;
  Taken closed_{false};  // while a seat is put in the place of another, and while a visitor is inside
  Seat* visited_ = nullptr;
  std::atomic<bool> no_seats_{false};
  Taken shared_{false};  // where there are no seats
};

// A scope of it; converts to false if it was refused.
class Turn {
 public:
  enum Kind { stays, visits };
  Turn(OneThread& place, Kind kind) : place_(place), taken_(kind == stays ? place.enter() : place.visit()) {}
  ~Turn() {
    if (taken_) place_.leave(*taken_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return taken_; }
  void require(const char* function) const {
    if (!taken_)
      throw std::runtime_error(std::string(function) + ": the stream is in use by another thread, expected one thread at a time");
  }

 private:
  OneThread& place_;
  OneThread::Taken* const taken_;
};

}  // namespace recurra
