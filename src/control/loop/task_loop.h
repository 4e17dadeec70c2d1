// TaskLoop: one thread that runs posted tasks in order, and one "what is due now?" function. The control thread is one,
// the thread that writes state files another. post() is thread-safe and may outlive the thread: tasks posted after
// stop() are dropped.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"

namespace camweave {

// The posting side: held by whoever may call back after the loop has ended (streams' deleters, sessions' answers).
class TaskQueue {
 public:
  using Task = std::function<void()>;
  void post(Task task);

 private:
  friend class TaskLoop;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

class TaskLoop {
 public:
  // `run_due` runs after each batch of tasks and when the time has come that it answered last; Timestamp::max(): only
  // after tasks. Set before start().
  using RunDue = std::function<Timestamp()>;

  TaskLoop();
  ~TaskLoop();  // stop()
  TaskLoop(const TaskLoop&) = delete;
  TaskLoop& operator=(const TaskLoop&) = delete;

  void start(RunDue run_due = {});
  void post(TaskQueue::Task task) { queue_->post(std::move(task)); }
  const std::shared_ptr<TaskQueue>& queue() const { return queue_; }

  // Runs what was posted before, then ends the thread. Not from the loop itself.
  void stop();
  bool is_current_thread() const { return thread_.get_id() == std::this_thread::get_id(); }

 private:
  void run();
  std::deque<TaskQueue::Task> wait_for_tasks(Timestamp deadline, bool& closed);

  const std::shared_ptr<TaskQueue> queue_;
  RunDue run_due_;
  std::thread thread_;
};

}  // namespace camweave
