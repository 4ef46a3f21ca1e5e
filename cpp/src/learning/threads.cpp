#include "threads.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "recurra/threads.h"

namespace recurra {

namespace {

// One caller's parts. Any free worker takes the next one.
struct Job {
  const std::function<void(int)>* part;
  int count;
  std::atomic<int> next{1}, left;
  std::vector<std::exception_ptr> errors;
};

class Pool {
 public:
  void run(Job& job) {
    {
      const std::scoped_lock lock{mutex_};
      while (workers_ < job.count - 1) std::thread([this] { work(); }).detach(), ++workers_;
      jobs_.push_back(&job);
    }
    wake_.notify_all();
    run_one(job, 0);
    for (int i; (i = job.next++) < job.count;) run_one(job, i);
    std::unique_lock lock{mutex_};
    std::erase(jobs_, &job);
    done_.wait(lock, [&] { return job.left == 0 && visitors_of(job) == 0; });
  }

 private:
  void run_one(Job& job, int i) {
    try {
      (*job.part)(i);
    } catch (...) {
      job.errors[std::size_t(i)] = std::current_exception();
    }
    --job.left;
  }
  int visitors_of(const Job& job) const {
    int count = 0;
    for (const Job* visited : visited_) count += visited == &job;
    return count;
  }
  void work() {
    std::unique_lock lock{mutex_};
    for (;;) {
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      Job& job = *jobs_.front();
      visited_.push_back(&job);  // keeps the caller from leaving with the job
      lock.unlock();
      for (int i; (i = job.next++) < job.count;) run_one(job, i);
      lock.lock();
      visited_.erase(std::find(visited_.begin(), visited_.end(), &job));
      std::erase(jobs_, &job);  // nothing left to take
      done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<Job*> jobs_;
  std::vector<const Job*> visited_;
  int workers_ = 0;
};

// The workers live as long as the process. A forked child has none of them: it gets a pool of its own, and its parent's is
// left as it is, for it can neither be used nor joined there.
Pool& pool() {
  static std::mutex mutex;
  static Pool* current = nullptr;
  static pid_t owner = 0;
  const std::scoped_lock lock{mutex};
  if (owner != getpid()) {
    current = new Pool;
    owner = getpid();
  }
  return *current;
}

std::atomic<int> threads{0};  // 0: not set, one per processor

}  // namespace

void run_parts(int count, const std::function<void(int)>& part) {
  Job job{&part, count, {1}, {count}, std::vector<std::exception_ptr>(std::size_t(count))};
  if (count == 1)
    part(0);
  else
    pool().run(job);
  for (const std::exception_ptr& error : job.errors)
    if (error) std::rethrow_exception(error);
}

void set_num_threads(int count) {
  if (count < 1) throw std::invalid_argument("set_num_threads: got " + std::to_string(count) + ", expected at least 1");
  threads = count;
}

int num_threads() {
  const int set = threads;
  if (set > 0) return set;
  const int processors = int(std::thread::hardware_concurrency());
  return processors > 0 ? processors : 1;
}

}  // namespace recurra
