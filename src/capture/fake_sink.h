// FakeSink: a FrameSink that keeps what it is given and lets a test wait for it. Thread-safe. For tests only.
#pragma once

#include <sys/eventfd.h>

#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "capture/camera.h"

namespace camweave {

class FakeSink final : public FrameSink {
 public:
  bool wanted() const override {
    MutexLock lock(mutex_);
    return wanted_;
  }
  int wanted_fd() const override { return wanted_fd_.get(); }
  void clear_wanted_event() override {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wanted_fd_.get(), &count, sizeof count);
  }
  void set_wanted(bool wanted) {
    {
      MutexLock lock(mutex_);
      wanted_ = wanted;
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(wanted_fd_.get(), &one, sizeof one);
  }

  void deliver(Frame frame) override {
    MutexLock lock(mutex_);
    times_.push_back({frame.sequence, frame.capture_time, true});
    if (frames_.size() < max_frames) frames_.push_back(std::move(frame));
    changed_.notify_all();
  }
  void count_frame(uint64_t sequence, Timestamp capture_time) override {
    MutexLock lock(mutex_);
    times_.push_back({sequence, capture_time, false});
    changed_.notify_all();
  }
  void count_dropped(uint64_t frames) override {
    MutexLock lock(mutex_);
    dropped_ += frames;
    changed_.notify_all();
  }
  void opened(const ipc::Opened& changed) override {
    MutexLock lock(mutex_);
    modes_.push_back(changed.mode);
  }
  void controls_changed(std::vector<Control> controls) override {
    MutexLock lock(mutex_);
    controls_ = std::move(controls);
  }

  struct Seen {
    uint64_t sequence;
    Timestamp capture_time;
    bool delivered;
  };
  // In the order they came: delivered and counted ones.
  std::vector<Seen> seen() const {
    MutexLock lock(mutex_);
    return times_;
  }
  std::vector<Frame> frames() const {
    MutexLock lock(mutex_);
    return frames_;
  }
  void forget_frames() {  // gives their buffers back
    std::vector<Frame> frames;
    MutexLock lock(mutex_);
    frames.swap(frames_);
  }
  uint64_t dropped() const {
    MutexLock lock(mutex_);
    return dropped_;
  }
  std::vector<Control> controls() const {
    MutexLock lock(mutex_);
    return controls_;
  }
  std::vector<ipc::Mode> modes() const {
    MutexLock lock(mutex_);
    return modes_;
  }
  // False when `count` delivered or counted frames haven't come within 20 s.
  bool wait_for(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(mutex_);
    while (times_.size() < count) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return false;
    }
    return true;
  }

 private:
  static constexpr size_t max_frames = 200;

  const UniqueFd wanted_fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  mutable Mutex mutex_;
  CondVar changed_;
  bool wanted_ GUARDED_BY(mutex_) = true;
  std::vector<Frame> frames_ GUARDED_BY(mutex_);
  std::vector<Seen> times_ GUARDED_BY(mutex_);
  uint64_t dropped_ GUARDED_BY(mutex_) = 0;
  std::vector<ipc::Mode> modes_ GUARDED_BY(mutex_);
  std::vector<Control> controls_ GUARDED_BY(mutex_);
};

}  // namespace camweave
