#include "capture/libcamera/request_queue.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "capture/libcamera/mapped_buffer.h"
#include "capture/libcamera/request_pacer.h"

namespace camweave::libcam {
namespace {

// Where a handler gives 4:2:0 as one plane, the others follow in it.
void split_planes(Frame& frame, size_t stride_bytes, std::span<const std::byte> whole) {
  const bool planar = frame.format == PixelFormat::i420;
  const auto height = static_cast<size_t>(frame.size.height);
  const size_t luma = stride_bytes * height;
  const size_t chroma_stride = planar ? stride_bytes / 2 : stride_bytes;
  const size_t chroma = chroma_stride * ((height + 1) / 2);
  frame.planes[0].size_bytes = std::min(luma, whole.size());
  for (size_t i = 1; i <= (planar ? 2U : 1U); ++i) {
    const size_t at = std::min(luma + (i - 1) * chroma, whole.size());
    frame.planes[i] = {whole.data() + at, chroma_stride, std::min(chroma, whole.size() - at)};
  }
}

size_t planes_of(PixelFormat format) {
  if (format == PixelFormat::nv12) return 2;
  return format == PixelFormat::i420 ? 3 : 1;
}

}  // namespace

struct RequestQueue::Memory final : FrameListener, std::enable_shared_from_this<RequestQueue::Memory> {
  Memory(CameraDevice& device, const StreamTaken& stream, const Clock& clock, UniqueFd event)
      : stream(stream), clock(clock), event(std::move(event)), device_(&device) {}

  void completed(const FrameReport& report) override EXCLUDES(completed_mutex);
  void give_back(size_t index) EXCLUDES(mutex);
  void queue_due(Timestamp now) REQUIRES(mutex);
  Frame lend(const FrameReport& report);
  void wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event.get(), &one, sizeof one);
  }

  // Constant after start().
  const StreamTaken stream;
  const Clock& clock;
  const UniqueFd event;
  std::vector<MappedBuffer> buffers;

  // Never held while the camera is stopped: stopping waits for completions.
  mutable Mutex completed_mutex;
  std::deque<std::pair<FrameReport, Timestamp>> completed_ GUARDED_BY(completed_mutex);

  mutable Mutex mutex;
  CameraDevice* device_ GUARDED_BY(mutex);  // nullptr: stopped
  std::deque<DeviceValues> batches_ GUARDED_BY(mutex);
  std::deque<size_t> held_ GUARDED_BY(mutex);  // buffers that go back when the pacer says so
  RequestPacer pacer_ GUARDED_BY(mutex);
  std::optional<Error> failure_ GUARDED_BY(mutex);
};

void RequestQueue::Memory::completed(const FrameReport& report) {
  {
    MutexLock lock(completed_mutex);
    completed_.emplace_back(report, clock.now());
  }
  wake();
}

void RequestQueue::Memory::give_back(size_t index) {
  MutexLock lock(mutex);
  if (!device_) return;
  held_.push_back(index);
  queue_due(clock.now());
  if (!held_.empty()) wake();  // so that the driver thread sees when it is due
}

void RequestQueue::Memory::queue_due(Timestamp now) {
  while (device_ && !held_.empty() && pacer_.due() <= now) {
    DeviceValues controls;
    if (!batches_.empty()) {
      controls = std::move(batches_.front());
      batches_.pop_front();
    }
    const auto queued = device_->queue(held_.front(), controls);
    held_.pop_front();
    pacer_.note_queued(now);
    if (!queued && !failure_) {
      failure_ = queued.error();
      wake();
    }
  }
}

Frame RequestQueue::Memory::lend(const FrameReport& report) {
  const MappedBuffer& buffer = buffers[report.buffer];
  Frame frame;
  frame.format = stream.format;
  frame.size = stream.size;
  frame.full_range = stream.full_range;
  const bool compressed = is_compressed(stream.format);
  for (size_t i = 0; i < std::min(buffer.plane_count(), planes_of(stream.format)); ++i) {
    const auto bytes = buffer.plane(i);
    // Only compressed frames need to know; raw ones are as large as they must be, whatever the handler says.
    const size_t used = compressed ? std::min(report.used_bytes[i], bytes.size()) : bytes.size();
    const size_t stride =
        compressed ? 0 : (i > 0 && stream.format == PixelFormat::i420 ? stream.stride_bytes / 2 : stream.stride_bytes);
    frame.planes[i] = {bytes.data(), stride, used};
  }
  if (!compressed && buffer.plane_count() < planes_of(stream.format))
    split_planes(frame, stream.stride_bytes, buffer.plane(0));
  buffer.begin_read();
  frame.buffer = std::shared_ptr<const void>(&buffer, [self = shared_from_this(), index = report.buffer](const void*) {
    self->buffers[index].end_read();
    self->give_back(index);
  });
  return frame;
}

Result<RequestQueue> RequestQueue::start(CameraDevice& device, const StreamTaken& stream,
                                         std::vector<DeviceValues> batches, std::chrono::nanoseconds interval,
                                         const Clock& clock) {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return system_error("eventfd");
  const auto allocated = device.allocate();
  if (!allocated) return allocated.error();
  auto memory = std::make_shared<Memory>(device, stream, clock, std::move(event));
  RequestQueue queue(memory);  // from here on stop() undoes what was done
  if (allocated->empty()) return Error{ErrorCode::exhausted, device.name().id + ": gives no buffers"};
  for (const BufferMemory& buffer : *allocated) {
    auto mapped = MappedBuffer::map(buffer);
    if (!mapped) return Error{mapped.error().code, fmt::format("{}: {}", device.name().id, mapped.error().message)};
    memory->buffers.push_back(std::move(*mapped));
  }
  // With the first requests, too: some handlers don't look at what comes with the start.
  const DeviceValues first = batches.empty() ? DeviceValues() : batches.front();
  {
    MutexLock lock(memory->mutex);
    memory->pacer_.set_interval(interval);
    std::ranges::move(batches, std::back_inserter(memory->batches_));
  }
  if (auto started = device.start(*memory, first); !started) return started.error();
  for (size_t index = 0; index < memory->buffers.size(); ++index) memory->give_back(index);
  return queue;
}

void RequestQueue::stop() {
  if (!memory_) return;
  CameraDevice* device = nullptr;
  {
    MutexLock lock(memory_->mutex);
    device = std::exchange(memory_->device_, nullptr);
  }
  if (device) {
    device->stop();
    device->free_buffers();
  }
  memory_.reset();
}

int RequestQueue::fd() const { return memory_->event.get(); }

std::optional<Timestamp> RequestQueue::wake_up_at() const {
  MutexLock lock(memory_->mutex);
  if (memory_->held_.empty()) return std::nullopt;
  return memory_->pacer_.due();
}

Result<std::optional<RequestQueue::Dequeued>> RequestQueue::dequeue() {
  // Cleared first: what comes meanwhile raises it again.
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(memory_->event.get(), &count, sizeof count);
  {
    MutexLock lock(memory_->mutex);
    memory_->queue_due(memory_->clock.now());
    if (memory_->failure_) return *memory_->failure_;
  }
  std::pair<FrameReport, Timestamp> next;
  {
    MutexLock lock(memory_->completed_mutex);
    if (memory_->completed_.empty()) return std::optional<Dequeued>();
    next = memory_->completed_.front();
    memory_->completed_.pop_front();
    if (!memory_->completed_.empty()) memory_->wake();
  }
  const FrameReport& report = next.first;
  if (report.buffer >= memory_->buffers.size()) {
    return Error{ErrorCode::protocol, "libcamera completed a request with a buffer that it doesn't have"};
  }
  Dequeued dequeued{report, {}, next.second};
  if (report.cancelled) return std::optional(std::move(dequeued));
  {
    MutexLock lock(memory_->mutex);
    memory_->pacer_.note_completed(next.second);
  }
  dequeued.frame = memory_->lend(report);
  return std::optional(std::move(dequeued));
}

void RequestQueue::queue_again(size_t buffer) { memory_->give_back(buffer); }

void RequestQueue::send(std::vector<DeviceValues> batches) {
  MutexLock lock(memory_->mutex);
  std::ranges::move(batches, std::back_inserter(memory_->batches_));
}

void RequestQueue::set_interval(std::chrono::nanoseconds interval) {
  MutexLock lock(memory_->mutex);
  memory_->pacer_.set_interval(interval);
}

bool RequestQueue::is_held_back() const {
  MutexLock lock(memory_->mutex);
  return memory_->pacer_.holding_back();
}

}  // namespace camweave::libcam
