#include "row_team.h"

#include <unistd.h>

#include <bit>

namespace recurra {

namespace {

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

constexpr int spins = 2000;    // some 50 us: then a helper sleeps, and waking it costs a system call
constexpr int patience = 500;  // spins of the caller before it gives way

}  // namespace

thread_local RowTeam* RowTeam::of_this_thread_ = nullptr;

RowTeam::RowTeam(Index size) : size_(size), owner_(getpid()) {
  try {
    for (Index i = 1; i < size; ++i) helpers_.emplace_back([this, i] { help(i); });
  } catch (...) {  // no more threads: those that run must end before their team goes
    end();
    throw;
  }
}

RowTeam::~RowTeam() { end(); }

bool RowTeam::has_helpers() const { return getpid() == owner_; }

void RowTeam::call_sleepers() noexcept {
  calls_.fetch_add(1);
  calls_.notify_all();
}

void RowTeam::end() noexcept {
  over_.store(true);
  call_sleepers();
  for (std::thread& helper : helpers_)
    if (has_helpers())
      helper.join();
    else
      helper.detach();  // a fork has left them behind
}

bool RowTeam::take_part(Index own) noexcept {
  std::uint64_t left = left_.load(std::memory_order_acquire);
  while (left) {
    const Index part = left >> own & 1 ? own : std::countr_zero(left);
    if (left_.compare_exchange_weak(left, left & ~(std::uint64_t(1) << part), std::memory_order_acquire)) {
      call_(task_, part);
      finished_.fetch_add(1, std::memory_order_release);
      return true;
    }
  }
  return false;
}

void RowTeam::help(Index own) noexcept {
  for (int idle = 0; !over_.load(std::memory_order_relaxed);) {
    if (take_part(own)) {
      idle = 0;
    } else if (++idle < spins) {
      pause();
    } else {
      idle = 0;
      sleeping_.fetch_add(1);  // before the look at what is left: either the caller sees it, or this one its parts
      const std::uint32_t calls = calls_.load();
      if (!left_.load() && !over_.load()) calls_.wait(calls);
      sleeping_.fetch_sub(1);
    }
  }
}

void RowTeam::run(Call call, const void* task) noexcept {
  call_ = call;
  task_ = task;
  finished_.store(0, std::memory_order_relaxed);
  left_.store(~std::uint64_t(0) >> (most - size_));
  if (sleeping_.load() > 0) call_sleepers();
  while (take_part(0)) {
  }
  for (int idle = 0; finished_.load(std::memory_order_acquire) != std::uint32_t(size_); ++idle)
    if (idle < patience)
      pause();
    else
      std::this_thread::yield();  // a helper with a part may be waiting for this processor
}

}  // namespace recurra
