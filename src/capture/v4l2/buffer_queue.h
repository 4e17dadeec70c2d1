// BufferQueue: the device's four mmap'ed buffers. A dequeued buffer is lent out as a Frame; letting go of it queues it
// again at once, from whichever thread that happens. Frames that outlive stop() or the queue keep its memory mapped and are
// simply not queued again. dequeue() and stop() on the driver thread; the returning of buffers is thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "capture/v4l2/device.h"
#include "media/frame.h"

namespace camweave::v4l2 {

class BufferQueue {
 public:
  static constexpr uint32_t buffer_count = 4;

  // Asks for buffers, maps and queues them, starts streaming.
  static Result<BufferQueue> start(Device& device, const PictureLayout& layout);
  BufferQueue(BufferQueue&&) = default;
  BufferQueue& operator=(BufferQueue&&) = default;
  ~BufferQueue() { stop(); }
  void stop();

  struct Dequeued {
    Frame frame;
    uint32_t driver_sequence = 0;
    bool damaged = false;  // the driver marked it: drop and count
  };
  // The next filled buffer, none when there is none yet. `not_found`: unplugged; `io`: the device failed.
  Result<std::optional<Dequeued>> dequeue();

 private:
  struct Memory;
  explicit BufferQueue(std::shared_ptr<Memory> memory) : memory_(std::move(memory)) {}
  std::shared_ptr<Memory> memory_;
};

}  // namespace camweave::v4l2
