#include "control/loop/task_loop.h"

#include <utility>

namespace camweave {

void TaskQueue::post(Task task) {
  MutexLock lock(mutex_);
  if (closed_) return;
  tasks_.push_back(std::move(task));
  wake_.notify_one();
}

TaskLoop::TaskLoop() : queue_(std::make_shared<TaskQueue>()) {}

TaskLoop::~TaskLoop() { stop(); }

void TaskLoop::start(RunDue run_due) {
  run_due_ = std::move(run_due);
  thread_ = std::thread([this] { run(); });
}

void TaskLoop::stop() {
  {
    MutexLock lock(queue_->mutex_);
    queue_->closed_ = true;
    queue_->wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  // Never-run tasks go here, not with the queue: they may hold the last reference to it.
  std::deque<TaskQueue::Task> left;
  MutexLock lock(queue_->mutex_);
  left.swap(queue_->tasks_);
}

std::deque<TaskQueue::Task> TaskLoop::wait_for_tasks(Timestamp deadline, bool& closed) {
  MutexLock lock(queue_->mutex_);
  while (queue_->tasks_.empty() && !queue_->closed_) {
    if (deadline == Timestamp::max()) {
      queue_->wake_.wait(queue_->mutex_);
    } else if (queue_->wake_.wait_until(queue_->mutex_, deadline) == std::cv_status::timeout) {
      break;
    }
  }
  closed = queue_->closed_;
  return std::exchange(queue_->tasks_, {});
}

void TaskLoop::run() {
  bool closed = false;
  while (!closed) {
    const Timestamp deadline = run_due_ ? run_due_() : Timestamp::max();
    for (auto& task : wait_for_tasks(deadline, closed)) task();
  }
}

}  // namespace camweave
