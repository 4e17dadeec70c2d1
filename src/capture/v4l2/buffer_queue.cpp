#include "capture/v4l2/buffer_queue.h"

#include <array>
#include <cerrno>

#include "capture/captured_frame.h"

namespace camweave::v4l2 {
namespace {

struct MappedPlane {
  void* address = nullptr;
  size_t size_bytes = 0;
};

// One buffer description as both APIs want it.
struct Description {
  v4l2_buffer buffer{};
  std::array<v4l2_plane, VIDEO_MAX_PLANES> planes{};

  Description(const Device& device, const PictureLayout& layout, uint32_t index) {
    buffer.type = device.buffer_type();
    buffer.memory = V4L2_MEMORY_MMAP;
    buffer.index = index;
    if (device.is_multiplanar()) {
      buffer.m.planes = planes.data();
      buffer.length = layout.memory_planes;
    }
  }
  size_t used_bytes(const Device& device) const { return device.is_multiplanar() ? planes[0].bytesused : buffer.bytesused; }
};

Timestamp time_of(const v4l2_buffer& buffer) {
  // Every driver of today stamps with CLOCK_MONOTONIC; for one that doesn't say so, now is the best that is known.
  if ((buffer.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC) {
    return std::chrono::steady_clock::now();
  }
  return from_nanoseconds(int64_t{buffer.timestamp.tv_sec} * 1'000'000'000 + int64_t{buffer.timestamp.tv_usec} * 1000);
}

}  // namespace

struct BufferQueue::Memory : std::enable_shared_from_this<BufferQueue::Memory> {
  Memory(Device& device, PictureLayout layout) : kernel(device.kernel()), layout(layout), device_(&device) {}
  ~Memory() {
    for (const auto& buffer : buffers) {
      for (const MappedPlane& plane : buffer) {
        if (plane.address) kernel.munmap(plane.address, plane.size_bytes);
      }
    }
  }

  Result<void> map(Device& device, uint32_t index);
  // Gives a buffer back to the device, unless streaming has stopped since it was lent.
  void queue(uint32_t index) {
    MutexLock lock(mutex);
    if (!device_) return;
    Description description(*device_, layout, index);
    kernel.ioctl(device_->fd(), VIDIOC_QBUF, &description.buffer);  // fails when unplugged: dequeue() will tell
  }
  Device* device() EXCLUDES(mutex) {
    MutexLock lock(mutex);
    return device_;
  }
  void forget_device() EXCLUDES(mutex) {
    MutexLock lock(mutex);
    device_ = nullptr;
  }
  void lend(Frame& frame, uint32_t index, size_t used_bytes);

  // Constant after start().
  Kernel& kernel;
  const PictureLayout layout;
  std::vector<std::array<MappedPlane, 3>> buffers;

 private:
  Mutex mutex;
  Device* device_ GUARDED_BY(mutex);
};

Result<void> BufferQueue::Memory::map(Device& device, uint32_t index) {
  Description description(device, layout, index);
  if (auto queried = device.call(VIDIOC_QUERYBUF, &description.buffer, "querying a buffer"); !queried) return queried;
  auto& planes = buffers.emplace_back();
  const size_t count = device.is_multiplanar() ? std::min<size_t>(description.buffer.length, planes.size()) : 1;
  for (size_t i = 0; i < count; ++i) {
    const size_t length = device.is_multiplanar() ? description.planes[i].length : description.buffer.length;
    const off_t offset = device.is_multiplanar() ? description.planes[i].m.mem_offset : description.buffer.m.offset;
    planes[i] = {kernel.mmap(device.fd(), length, offset), length};
    if (!planes[i].address) return device.failure("mapping a buffer");
  }
  return {};
}

// Where the planes of a picture lie in the buffer's memory; nothing reaches beyond what is mapped.
void BufferQueue::Memory::lend(Frame& frame, uint32_t index, size_t used_bytes) {
  const auto& memory = buffers[index];
  const auto* base = static_cast<const std::byte*>(memory[0].address);
  const size_t size = std::min(used_bytes, memory[0].size_bytes);
  frame.format = layout.format;
  frame.size = layout.size;
  frame.full_range = layout.full_range;
  frame.planes[0] = {base, is_compressed(layout.format) ? 0 : layout.stride_bytes, size};
  if (layout.format == PixelFormat::nv12 || layout.format == PixelFormat::i420) {
    const bool planar = layout.format == PixelFormat::i420;
    const size_t luma = layout.stride_bytes * static_cast<size_t>(layout.size.height);
    const size_t chroma_stride = planar ? layout.stride_bytes / 2 : layout.stride_bytes;
    const size_t chroma = chroma_stride * static_cast<size_t>((layout.size.height + 1) / 2);
    frame.planes[0].size_bytes = std::min(luma, size);
    for (size_t i = 1; i <= (planar ? 2u : 1u); ++i) {
      if (layout.memory_planes > i) {
        frame.planes[i] = {static_cast<const std::byte*>(memory[i].address), chroma_stride, std::min(chroma, memory[i].size_bytes)};
      } else {
        const size_t at = luma + (i - 1) * chroma;
        frame.planes[i] = {base + at, chroma_stride, at < size ? std::min(chroma, size - at) : 0};
      }
    }
  }
  frame.buffer = std::shared_ptr<const void>(base, [self = shared_from_this(), index](const void*) { self->queue(index); });
}

Result<BufferQueue> BufferQueue::start(Device& device, const PictureLayout& layout) {
  v4l2_requestbuffers request{};
  request.count = buffer_count;
  request.type = device.buffer_type();
  request.memory = V4L2_MEMORY_MMAP;
  if (auto asked = device.call(VIDIOC_REQBUFS, &request, "asking for buffers"); !asked) return asked.error();
  if (request.count < 2) return Error{ErrorCode::exhausted, device.name().path + ": no memory for two buffers"};
  auto memory = std::make_shared<Memory>(device, layout);
  for (uint32_t index = 0; index < request.count; ++index) {
    if (auto mapped = memory->map(device, index); !mapped) return mapped.error();
    memory->queue(index);
  }
  BufferQueue queue(memory);
  int type = device.buffer_type();
  if (device.kernel().ioctl(device.fd(), VIDIOC_STREAMON, &type) != 0) {
    if (errno != ENOSPC) return device.failure("starting the stream");
    return Error{ErrorCode::exhausted,
                 device.name().path + ": the USB bus has no bandwidth left for this stream: choose MJPEG, a smaller size or "
                                      "rate, or another bus (lsusb -t shows them)"};
  }
  return queue;
}

void BufferQueue::stop() {
  if (!memory_) return;
  if (Device* device = memory_->device()) {
    memory_->forget_device();
    int type = device->buffer_type();
    device->kernel().ioctl(device->fd(), VIDIOC_STREAMOFF, &type);
    // Frees the device's buffers; refused while some are still mapped by frames on loan, and then done by close().
    v4l2_requestbuffers none{};
    none.type = device->buffer_type();
    none.memory = V4L2_MEMORY_MMAP;
    device->kernel().ioctl(device->fd(), VIDIOC_REQBUFS, &none);
  }
  memory_.reset();
}

Result<std::optional<BufferQueue::Dequeued>> BufferQueue::dequeue() {
  Device* device = memory_->device();
  Description description(*device, memory_->layout, 0);
  if (memory_->kernel.ioctl(device->fd(), VIDIOC_DQBUF, &description.buffer) != 0) {
    if (errno == EAGAIN) return std::optional<Dequeued>();
    return device->failure("taking a frame");
  }
  const v4l2_buffer& buffer = description.buffer;
  if (buffer.index >= memory_->buffers.size()) {
    return Error{ErrorCode::protocol, device->name().path + ": the driver gave a buffer that it doesn't have"};
  }
  Dequeued dequeued;
  dequeued.driver_sequence = buffer.sequence;
  dequeued.damaged = (buffer.flags & V4L2_BUF_FLAG_ERROR) != 0;
  dequeued.frame.capture_time = time_of(buffer);
  dequeued.frame.keyframe = !is_inter_coded(memory_->layout.format) || (buffer.flags & V4L2_BUF_FLAG_KEYFRAME) != 0;
  memory_->lend(dequeued.frame, buffer.index, description.used_bytes(*device));
  return std::optional(std::move(dequeued));
}

}  // namespace camweave::v4l2
