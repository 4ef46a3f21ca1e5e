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

// In the place of the seat of before, if nobody sits there.
bool OneThread::put(Seat* seat) noexcept {
  Seat* const before = last_.load(std::memory_order_relaxed);
  last_.store(seat, std::memory_order_release);
  if (!before || (barrier_of_all_threads() && !before->taken.load(std::memory_order_acquire))) return true;
  last_.store(before, std::memory_order_release);
  return false;
}

OneThread::Taken* OneThread::take_over() noexcept {
  static const bool has_barrier = barrier_of_all_threads();
  if (!has_barrier || no_seats_.load(std::memory_order_acquire)) return take_shared();
  if (taking_over_.exchange(true, std::memory_order_acquire)) return nullptr;
  Taken* taken = nullptr;
  if (no_seats_.load(std::memory_order_relaxed)) {
    taken = take_shared();
  } else if (used_ == most_seats) {
    if (put(nullptr)) {
      no_seats_.store(true, std::memory_order_release);
      taken = take_shared();
    }
  } else {
    Seat& seat = seats_[used_];
    seat.thread.store(&here_, std::memory_order_relaxed);
    if (put(&seat)) {
      ++used_;
      taken = &seat.taken;
      taken->store(true, std::memory_order_relaxed);
    }
  }
  taking_over_.store(false, std::memory_order_release);
  return taken;
}

}  // namespace recurra
