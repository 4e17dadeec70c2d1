// ControlLoop: the worker's main thread: reads the server's messages and sends Status: regularly, and at once
// when the camera goes away, comes back, or gives its first frame. Thread-bound.
#pragma once

#include "capture/driver_thread.h"
#include "capture/frame_distributor.h"
#include "capture/rendition_set.h"
#include "capture/still_taker.h"
#include "capture/worker_link.h"

namespace camweave {

class ControlLoop {
 public:
  // Why the loop ended.
  enum class End {
    stopped,          // Stop, the stop signal or the socket's end
    camera_failed,    // the driver gave up and said so
    broken_messages,  // the server broke the protocol
  };

  ControlLoop(ipc::SeqPacketSocket& socket, WorkerLink& link, RenditionSet& renditions, StillTaker& stills,
              FrameDistributor& frames, DriverThread& driver, std::chrono::milliseconds status_interval)
      : socket_(socket),
        link_(link),
        renditions_(renditions),
        stills_(stills),
        frames_(frames),
        driver_(driver),
        status_interval_(status_interval) {}

  // Runs until one of the ends; `stop` may be raised from a signal handler.
  End run(const StopSignal& stop);

 private:
  std::optional<End> read_messages();
  std::optional<End> handle(ipc::Message message);
  void act(const ipc::Renditions& message);
  void act(const ipc::KeyframeRequest& message);
  void act(const ipc::SetControls& message);
  void act(const ipc::ResetControls& message);
  void act(const ipc::StillRequest& message);
  void act(const ipc::ReleaseSlot& message);
  void send_status();

  ipc::SeqPacketSocket& socket_;
  WorkerLink& link_;
  RenditionSet& renditions_;
  StillTaker& stills_;
  FrameDistributor& frames_;
  DriverThread& driver_;
  const std::chrono::milliseconds status_interval_;
};

}  // namespace camweave
