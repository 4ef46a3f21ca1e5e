#include "turn.h"

#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace recurra {

namespace {

// All threads of the process pass a barrier; false where the system has none.
#if defined(__linux__) && defined(SYS_membarrier)
bool ask_system(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }
bool barrier_of_all_threads() {
  return ask_system(MEMBARRIER_CMD_PRIVATE_EXPEDITED) ||
         (ask_system(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) && ask_system(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
}
#else
bool barrier_of_all_threads() { return false; }
#endif

}  // namespace

bool OneThread::has_barrier() noexcept {
  static const bool found = barrier_of_all_threads();
  return found;
}

// In the place of the seat of before, if nobody sits there.
bool OneThread::put(Seat* seat) noexcept {
  Seat* const before = last_.load(std::memory_order_relaxed);
  if (before && before->taken.load(std::memory_order_acquire)) return false;  // and whoever sits there does not notice
  last_.store(seat, std::memory_order_release);
  if (!before || (barrier_of_all_threads() && !before->taken.load(std::memory_order_acquire))) return true;
  last_.store(before, std::memory_order_release);
  return false;
}

// A seat, or where all were used the way of all who come from now on. The place is closed meanwhile.
OneThread::Taken* OneThread::take_seat() noexcept {
  if (no_seats_.load(std::memory_order_relaxed)) return take_shared();
  if (used_ == most_seats) {
    if (!put(nullptr)) return nullptr;
    no_seats_.store(true, std::memory_order_release);
    return take_shared();
  }
  Seat& seat = seats_[used_];
  seat.thread.store(&here_, std::memory_order_relaxed);
  if (!put(&seat)) return nullptr;
  ++used_;
  seat.taken.store(true, std::memory_order_relaxed);
  return &seat.taken;
}

OneThread::Taken* OneThread::take_over() noexcept {
  if (!has_barrier() || no_seats_.load(std::memory_order_acquire)) return take_shared();
  if (closed_.exchange(true, std::memory_order_acquire)) return nullptr;
  Taken* const taken = take_seat();
  closed_.store(false, std::memory_order_release);
  return taken;
}

OneThread::Taken* OneThread::visit() noexcept {
  const Seat* const seat = last_.load(std::memory_order_acquire);
  if (seat && seat->thread.load(std::memory_order_relaxed) == &here_) return enter();
  if (!has_barrier() || no_seats_.load(std::memory_order_acquire)) return take_shared();
  if (closed_.exchange(true, std::memory_order_acquire)) return nullptr;
  Taken* taken = &closed_;
  visited_ = last_.load(std::memory_order_relaxed);
  if (no_seats_.load(std::memory_order_relaxed))
    taken = take_shared();
  else if (!put(nullptr))
    taken = nullptr;
  if (taken != &closed_) closed_.store(false, std::memory_order_release);
  return taken;
}

bool OneThread::inside() const noexcept {
  bool found = closed_.load(std::memory_order_relaxed) || shared_.load(std::memory_order_relaxed);
  for (const Seat& seat : seats_) found = found || seat.taken.load(std::memory_order_relaxed);
  return found;
}

}  // namespace recurra
