#include "row_team.h"

#include <unistd.h>

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
constexpr std::uint32_t part_mask = 255;

}  // namespace

thread_local RowTeam* RowTeam::of_this_thread_ = nullptr;

RowTeam::RowTeam(Index size) : size_(size), owner_(getpid()), next_(std::uint32_t(size)) {
  try {
    for (Index i = 1; i < size; ++i) helpers_.emplace_back([this] { help(); });
  } catch (...) {  // no more threads: those that run must end before their team goes
    end();
    throw;
  }
}

RowTeam::~RowTeam() { end(); }

bool RowTeam::has_helpers() const { return getpid() == owner_; }

void RowTeam::end() noexcept {
  over_.store(true);
  next_.fetch_add(256);  // the same parts, none: what sleepers wait for has changed
  next_.notify_all();
  for (std::thread& helper : helpers_)
    if (has_helpers())
      helper.join();
    else
      helper.detach();  // a fork has left them behind
}

bool RowTeam::take_part() noexcept {
  std::uint32_t next = next_.load(std::memory_order_acquire);
  while ((next & part_mask) < std::uint32_t(size_))
    if (next_.compare_exchange_weak(next, next + 1, std::memory_order_acquire)) {
      call_(task_, Index(next & part_mask));
      finished_.fetch_add(1, std::memory_order_release);
      return true;
    }
  return false;
}

void RowTeam::help() noexcept {
  for (int idle = 0; !over_.load(std::memory_order_relaxed);) {
    if (take_part()) {
      idle = 0;
    } else if (++idle < spins) {
      pause();
    } else {
      idle = 0;
      sleeping_.fetch_add(1);  // before the look at what to wait for: either the caller sees it, or this one its parts
      const std::uint32_t next = next_.load();
      if ((next & part_mask) == std::uint32_t(size_) && !over_.load()) next_.wait(next);
      sleeping_.fetch_sub(1);
    }
  }
}

void RowTeam::run(Call call, const void* task) noexcept {
  call_ = call;
  task_ = task;
  finished_.store(0, std::memory_order_relaxed);
  const std::uint32_t run = next_.load(std::memory_order_relaxed) / 256 + 1;
  next_.store(run * 256);
  if (sleeping_.load() > 0) next_.notify_all();
  while (take_part()) {
  }
  for (int idle = 0; finished_.load(std::memory_order_acquire) != std::uint32_t(size_); ++idle)
    if (idle < patience)
      pause();
    else
      std::this_thread::yield();  // a helper with a part may be waiting for this processor
}

}  // namespace recurra
