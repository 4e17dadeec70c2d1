// RunningCamera: a driver's camera opened and running on a thread of its own, its frames in a FakeSink; ends with the
// object. For tests only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "capture/camera.h"
#include "capture/fake_sink.h"

namespace camweave {

class RunningCamera {
 public:
  using Make = std::function<std::unique_ptr<Camera>(const Clock&, Log&)>;

  RunningCamera(const Make& make, const CameraRequest& request, bool wanted = true)
      : log_(clock_, LogLevel::debug, [this](const LogLine& line) { keep(line); }),
        camera_(make(clock_, log_)),
        stop_(*StopSignal::create()) {
    sink_.set_wanted(wanted);
    opened_ = camera_->open(request);
    if (opened_->ok()) thread_ = std::thread([this] { ended_ = camera_->run(sink_, stop_); });
  }
  ~RunningCamera() { static_cast<void>(finish()); }
  RunningCamera(const RunningCamera&) = delete;
  RunningCamera& operator=(const RunningCamera&) = delete;

  // Stops it, or waits until it ends by itself; what run() said.
  Result<void> finish() {
    stop_.raise();
    return join();
  }
  Result<void> join() {
    if (thread_.joinable()) thread_.join();
    return ended_;
  }

  const Result<ipc::Opened>& opened() const { return *opened_; }
  Camera& camera() { return *camera_; }
  FakeSink& sink() { return sink_; }
  // Waits until `count` frames more than now have come.
  bool wait_for_more(size_t count) { return sink_.wait_for(sink_.seen().size() + count); }
  std::string log_text() const {
    MutexLock lock(log_mutex_);
    return log_text_;
  }
  // False when a line with `text` hasn't come within 20 s.
  bool wait_for_log(std::string_view text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(log_mutex_);
    while (log_text_.find(text) == std::string::npos) {
      if (logged_.wait_until(log_mutex_, deadline) == std::cv_status::timeout) return false;
    }
    return true;
  }

 private:
  void keep(const LogLine& line) {
    MutexLock lock(log_mutex_);
    log_text_ += line.text + "\n";
    logged_.notify_all();
  }

  mutable Mutex log_mutex_;
  CondVar logged_;
  std::string log_text_ GUARDED_BY(log_mutex_);
  SystemClock clock_;
  Log log_;
  std::unique_ptr<Camera> camera_;
  StopSignal stop_;
  FakeSink sink_;
  std::optional<Result<ipc::Opened>> opened_;
  Result<void> ended_;
  std::thread thread_;
};

}  // namespace camweave
