// Mutex, MutexLock, CondVar: the standard ones with clang's thread-safety annotations, so that -Wthread-safety checks
// what a comment could only promise.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define CAMWEAVE_TSA(x) __attribute__((x))
#else
#define CAMWEAVE_TSA(x)
#endif

#define GUARDED_BY(mutex) CAMWEAVE_TSA(guarded_by(mutex))
#define REQUIRES(mutex) CAMWEAVE_TSA(requires_capability(mutex))
#define EXCLUDES(mutex) CAMWEAVE_TSA(locks_excluded(mutex))

namespace camweave {

class CAMWEAVE_TSA(capability("mutex")) Mutex {
 public:
  void lock() CAMWEAVE_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() CAMWEAVE_TSA(release_capability()) { mutex_.unlock(); }
  bool try_lock() CAMWEAVE_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

class CAMWEAVE_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) CAMWEAVE_TSA(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() CAMWEAVE_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Wait in a loop that checks the condition; the mutex must be held.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) { condition_.wait(mutex); }
  template <typename Clock, typename Duration>
  std::cv_status wait_until(Mutex& mutex, std::chrono::time_point<Clock, Duration> deadline) REQUIRES(mutex) {
    return condition_.wait_until(mutex, deadline);
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace camweave
