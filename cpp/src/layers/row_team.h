// Threads that share the products of one row or a few, in a stream's step or a whole pass: the caller and its helpers. What is
// shared is cut into one part for each. Everybody begins with the same one every time, whose weights are then in its cache, and
// takes over what others have not begun: a helper that sleeps, or was left behind by a fork, delays nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "../math/isa.h"

namespace recurra {

class RowTeam {
 public:
  static constexpr Index most = 64;
  explicit RowTeam(Index size);  // 1 .. most
  ~RowTeam();
  RowTeam(const RowTeam&) = delete;
  RowTeam& operator=(const RowTeam&) = delete;

  Index size() const { return size_; }
  // Whether its helpers run in this process; after a fork they do not.
  bool has_helpers() const;

  // While it lives, `team` (null: nobody) shares the large products that this thread makes.
  class Scope {
   public:
    explicit Scope(RowTeam* team) : before_(of_this_thread_) { of_this_thread_ = team; }
    ~Scope() { of_this_thread_ = before_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    RowTeam* before_;
  };
  static RowTeam* of_this_thread() { return of_this_thread_; }

  // task(0) .. task(size() - 1), each once, in some thread; the caller does what nobody else began. One caller at a time.
  template <class Task>
  void run(const Task& task) noexcept {
    run([](const void* of, Index part) { (*static_cast<const Task*>(of))(part); }, &task);
  }

 private:
  static thread_local RowTeam* of_this_thread_;
  using Call = void (*)(const void* task, Index part);
  void run(Call call, const void* task) noexcept;
  void help(Index own) noexcept;
  void call_sleepers() noexcept;
  void end() noexcept;
  bool take_part(Index own) noexcept;

  const Index size_;
  const int owner_;  // the process that has the helpers
  // What the caller wants done: valid while parts are left or unfinished.
  Call call_ = nullptr;
  const void* task_ = nullptr;
  alignas(64) std::atomic<std::uint64_t> left_{0};  // a bit for each part that nobody has begun
  alignas(64) std::atomic<std::uint32_t> finished_{0};
  alignas(64) std::atomic<std::uint32_t> sleeping_{0};
  std::atomic<std::uint32_t> calls_{0};  // to those that sleep
  std::atomic<bool> over_{false};
  std::vector<std::thread> helpers_;
};

}  // namespace recurra
