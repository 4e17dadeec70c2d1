// RequestQueue: a camera that streams: its buffers, mapped once, and the requests that carry them. A completed
// request's buffer is lent out as a Frame; letting go of it queues it again at once, from whichever thread that
// happens. Frames that outlive stop() or the queue keep their memory mapped and are simply not queued again. start(),
// dequeue(), stop() on the driver thread; send() and the returning of buffers are thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "capture/libcamera/camera_system.h"
#include "media/frame.h"

namespace camweave::libcam {

class RequestQueue {
 public:
  // Allocates and maps the buffers of the configured stream, starts the camera with the first of `batches`; all go with
  // the first requests, one each. `interval`: the shortest time between frames that the camera is told; 0 none.
  static Result<RequestQueue> start(CameraDevice& device, const StreamTaken& stream, std::vector<DeviceValues> batches,
                                    std::chrono::nanoseconds interval, const Clock& clock);
  RequestQueue(RequestQueue&&) = default;
  RequestQueue& operator=(RequestQueue&&) = default;
  ~RequestQueue() { stop(); }
  void stop();

  int fd() const;                               // readable while a completed request waits
  std::optional<Timestamp> wake_up_at() const;  // when dequeue() has something to do besides, if ever

  struct Dequeued {
    FrameReport report;
    Frame frame;  // planes, format and buffer; without the rest. Empty where the report says cancelled.
    Timestamp arrival{};
  };
  // The next completed request, none when there is none yet. Fails with `io` when the camera refuses a request.
  Result<std::optional<Dequeued>> dequeue();

  void queue_again(size_t buffer);  // of a cancelled request

  // Controls for the next requests, one batch each.
  void send(std::vector<DeviceValues> batches);
  void set_interval(std::chrono::nanoseconds interval);
  bool is_held_back() const;  // the camera does not keep its frame rate, and is paced by us

 private:
  struct Memory;
  explicit RequestQueue(std::shared_ptr<Memory> memory) : memory_(std::move(memory)) {}
  std::shared_ptr<Memory> memory_;
};

}  // namespace camweave::libcam
