// DriverThread: runs one Camera on a thread of its own: open, run, and, for a device that went away, wait and open
// again. Reports Opened, away and Failed to the server; gives control requests to the camera while it is open.
//
// Thread-safe unless said otherwise.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "capture/camera.h"
#include "capture/frame_distributor.h"
#include "capture/worker_link.h"

namespace camweave {

class DriverThread {
 public:
  struct Away {
    bool away = false;
    std::string reason;
  };

  // References outlive it. The thread runs at once.
  static Result<std::unique_ptr<DriverThread>> start(std::unique_ptr<Camera> camera, CameraRequest request,
                                                     FrameDistributor& frames, WorkerLink& link);
  // Blocks until the thread has ended: raise the stop signal and wait for finished_fd() before, with patience.
  ~DriverThread();

  void stop() { stop_.raise(); }
  int finished_fd() const { return finished_.get(); }  // readable once the camera has ended
  bool failed() const { return failed_; }              // once finished
  Away away() const;
  int away_fd() const { return away_event_.get(); }  // readable after a change of away(): read with clear_away_event()
  void clear_away_event();

  // Control thread. Fail with `unavailable` while the camera isn't open.
  Result<ControlOutcome> set_controls(const ControlValues& wanted);
  Result<void> reset_controls();
  std::vector<Control> controls() const;
  Result<bool> request_still(Camera::StillDone done);

 private:
  DriverThread(std::unique_ptr<Camera> camera, CameraRequest request, FrameDistributor& frames, WorkerLink& link,
               StopSignal stop, UniqueFd finished, UniqueFd away_event);
  void run();
  Result<void> open_and_run();
  bool device_came_back(const Error& error);
  void set_away(bool away, std::string reason);
  CameraRequest current_request() const;

  FrameDistributor& frames_;
  WorkerLink& link_;
  StopSignal stop_;
  const UniqueFd finished_;
  const UniqueFd away_event_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> open_{false};

  mutable Mutex mutex_;
  CameraRequest request_ GUARDED_BY(mutex_);  // its controls follow what was set: a camera that returns has them again
  Away away_ GUARDED_BY(mutex_);

  const std::unique_ptr<Camera> camera_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace camweave
