// See fake_camera.h.
#include "fake_camera.h"

#include <fcntl.h>
#include <libyuv.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "../common/clock.h"

namespace bench {
namespace {

constexpr uint32_t kMostBuffers = 32;
constexpr size_t kPageBytes = 4096;

int refuse(int error) {
  errno = error;
  return -1;
}

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  return {first, first + bytes.size()};
}

// The picture as YUYV of the given size; empty when it cannot be decoded.
std::vector<std::byte> decode_to_yuyv(const std::vector<std::byte>& jpeg, int width, int height) {
  const auto pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  std::vector<uint8_t> argb(pixels * 4);
  tjhandle decoder = tjInitDecompress();
  const int failed = tjDecompress2(decoder, reinterpret_cast<const unsigned char*>(jpeg.data()), jpeg.size(),
                                   argb.data(), width, 0, height, TJPF_BGRA, 0);
  tjDestroy(decoder);
  std::vector<std::byte> yuyv(failed != 0 ? 0 : pixels * 2);
  if (failed == 0) {
    libyuv::ARGBToYUY2(argb.data(), width * 4, reinterpret_cast<uint8_t*>(yuyv.data()), width * 2, width, height);
  }
  return yuyv;
}

}  // namespace

FakeCamera::Options FakeCamera::options_from_environment() {
  Options options;
  options.frames_dir = environment("BENCH_V4L2_FRAMES", "");
  if (environment("BENCH_V4L2_FORMAT", "MJPEG") == "YUYV") options.pixel_format = V4L2_PIX_FMT_YUYV;
  std::sscanf(environment("BENCH_V4L2_SIZE", "1920x1080").c_str(), "%ux%u", &options.width, &options.height);
  options.stamp = environment("BENCH_V4L2_STAMP", "yes") != "no";
  options.fps = std::max(1U, static_cast<uint32_t>(std::atoi(environment("BENCH_V4L2_FPS", "30").c_str())));
  return options;
}

FakeCamera::FakeCamera(Options options) : options_(std::move(options)) {}

void FakeCamera::load_frames() {
  if (!frames_.empty()) return;
  std::error_code failed;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(options_.frames_dir, failed))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    const std::vector<std::byte> jpeg = read_file(path);
    if (jpeg.size() < 4) continue;
    Frame frame;
    if (options_.pixel_format == V4L2_PIX_FMT_MJPEG) {
      if (options_.stamp) frame.jpeg = make_stampable(jpeg);
      if (!options_.stamp) frame.jpeg.bytes = jpeg;
    } else {
      frame.raw = decode_to_yuyv(jpeg, static_cast<int>(options_.width), static_cast<int>(options_.height));
    }
    if (!frame.jpeg.bytes.empty() || !frame.raw.empty()) frames_.push_back(std::move(frame));
  }
}

int FakeCamera::open(bool nonblocking) {
  std::lock_guard lock(mutex_);
  load_frames();
  if (frames_.empty()) return refuse(ENODEV);
  nonblocking_ = nonblocking;
  if (!timer_) timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const int fd = fcntl(timer_.get(), F_DUPFD_CLOEXEC, 0);
  remember(fd);
  return fd;
}

void FakeCamera::remember(int fd) {
  if (fd >= 0 && fd < kMostFds) owned_[static_cast<size_t>(fd)] = true;
}

void FakeCamera::forget(int fd) {
  owned_[static_cast<size_t>(fd)] = false;
  if (std::any_of(owned_.begin(), owned_.end(), [](const auto& owned) { return owned.load(); })) return;
  std::lock_guard lock(mutex_);
  stream(false);
  buffers_.clear();
}

size_t FakeCamera::buffer_bytes() const {
  const size_t raw = static_cast<size_t>(options_.width) * options_.height * 2;
  return (raw + kPageBytes - 1) / kPageBytes * kPageBytes;
}

int FakeCamera::query_capability(v4l2_capability& out) const {
  out = {};
  std::strcpy(reinterpret_cast<char*>(out.driver), "uvcvideo");
  std::strcpy(reinterpret_cast<char*>(out.card), "Benchmark camera");
  std::strcpy(reinterpret_cast<char*>(out.bus_info), "usb-bench-1");
  out.version = 0x060100;
  out.device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT;
  out.capabilities = out.device_caps | V4L2_CAP_DEVICE_CAPS;
  return 0;
}

int FakeCamera::enumerate_format(v4l2_fmtdesc& out) const {
  if (out.index > 0 || out.type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return refuse(EINVAL);
  const bool mjpeg = options_.pixel_format == V4L2_PIX_FMT_MJPEG;
  out.flags = mjpeg ? V4L2_FMT_FLAG_COMPRESSED : 0;
  out.pixelformat = options_.pixel_format;
  std::strcpy(reinterpret_cast<char*>(out.description), mjpeg ? "Motion-JPEG" : "YUYV 4:2:2");
  return 0;
}

int FakeCamera::enumerate_size(v4l2_frmsizeenum& out) const {
  if (out.index > 0 || out.pixel_format != options_.pixel_format) return refuse(EINVAL);
  out.type = V4L2_FRMSIZE_TYPE_DISCRETE;
  out.discrete = {options_.width, options_.height};
  return 0;
}

int FakeCamera::enumerate_interval(v4l2_frmivalenum& out) const {
  if (out.index > 0 || out.pixel_format != options_.pixel_format) return refuse(EINVAL);
  out.type = V4L2_FRMIVAL_TYPE_DISCRETE;
  out.discrete = {1, options_.fps};
  return 0;
}

int FakeCamera::fill_format(v4l2_format& out) const {
  if (out.type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return refuse(EINVAL);
  v4l2_pix_format& pixels = out.fmt.pix;
  pixels = {};
  pixels.width = options_.width;
  pixels.height = options_.height;
  pixels.pixelformat = options_.pixel_format;
  pixels.field = V4L2_FIELD_NONE;
  pixels.bytesperline = options_.pixel_format == V4L2_PIX_FMT_YUYV ? options_.width * 2 : 0;
  pixels.sizeimage = static_cast<uint32_t>(buffer_bytes());
  pixels.colorspace = V4L2_COLORSPACE_SRGB;
  return 0;
}

int FakeCamera::fill_parameters(v4l2_streamparm& out) const {
  if (out.type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return refuse(EINVAL);
  out.parm.capture = {};
  out.parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
  out.parm.capture.timeperframe = {1, options_.fps};
  return 0;
}

int FakeCamera::fill_input(v4l2_input& out) const {
  if (out.index > 0) return refuse(EINVAL);
  out = {};
  std::strcpy(reinterpret_cast<char*>(out.name), "Camera 1");
  out.type = V4L2_INPUT_TYPE_CAMERA;
  return 0;
}

int FakeCamera::request_buffers(v4l2_requestbuffers& request) {
  if (request.memory != V4L2_MEMORY_MMAP && request.memory != V4L2_MEMORY_USERPTR) return refuse(EINVAL);
  memory_type_ = request.memory;
  request.count = std::min(request.count, kMostBuffers);
  request.capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP | V4L2_BUF_CAP_SUPPORTS_USERPTR;
  queue_.clear();
  buffers_.assign(request.count, {});
  for (uint32_t i = 0; i < request.count; ++i) buffers_[i].index = i;
  if (memory_type_ != V4L2_MEMORY_MMAP || request.count == 0 || mapped_ != nullptr) return 0;
  mapped_bytes_ = kMostBuffers * buffer_bytes();
  memory_ = UniqueFd(memfd_create("bench-v4l2", MFD_CLOEXEC));
  if (!memory_ || ftruncate(memory_.get(), static_cast<off_t>(mapped_bytes_)) != 0) return refuse(ENOMEM);
  void* at = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (at == MAP_FAILED) return refuse(ENOMEM);
  mapped_ = static_cast<std::byte*>(at);
  return 0;
}

int FakeCamera::query_buffer(v4l2_buffer& buffer) const {
  if (buffer.index >= buffers_.size()) return refuse(EINVAL);
  buffer.memory = memory_type_;
  buffer.length = static_cast<uint32_t>(buffer_bytes());
  buffer.m.offset = static_cast<uint32_t>(buffer.index * buffer_bytes());
  buffer.flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | (buffers_[buffer.index].queued ? V4L2_BUF_FLAG_QUEUED : 0);
  return 0;
}

int FakeCamera::queue_buffer(v4l2_buffer& buffer) {
  if (buffer.index >= buffers_.size() || buffers_[buffer.index].queued) return refuse(EINVAL);
  Buffer& ours = buffers_[buffer.index];
  if (memory_type_ == V4L2_MEMORY_USERPTR) {
    ours.user_memory = reinterpret_cast<void*>(buffer.m.userptr);
    ours.user_bytes = buffer.length;
  }
  ours.queued = true;
  queue_.push_back(buffer.index);
  buffer.flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_QUEUED;
  return 0;
}

// Puts the frame that is due into the buffer, as the camera's DMA would; its size.
size_t FakeCamera::deliver(Buffer& buffer, std::byte* memory) {
  const Frame& frame = frames_[sequence_ % frames_.size()];
  const bool mjpeg = options_.pixel_format == V4L2_PIX_FMT_MJPEG;
  const std::vector<std::byte>& bytes = mjpeg ? frame.jpeg.bytes : frame.raw;
  const size_t room = memory_type_ == V4L2_MEMORY_USERPTR ? buffer.user_bytes : buffer_bytes();
  const size_t size = std::min(bytes.size(), room);
  std::memcpy(memory, bytes.data(), size);
  if (mjpeg && options_.stamp && size == bytes.size()) write_stamp({memory, size}, frame.jpeg, unix_now_us(), sequence_);
  return size;
}

// A tick that finds no queued buffer is a frame that the camera loses: the sequence number shows it.
int FakeCamera::dequeue_buffer(v4l2_buffer& buffer) {
  uint64_t ticks = 0;
  while (read(timer_.get(), &ticks, sizeof ticks) != sizeof ticks) {
    if (errno != EAGAIN || nonblocking_) return -1;
    pollfd wait{timer_.get(), POLLIN, 0};
    if (poll(&wait, 1, -1) < 0) return -1;
  }
  std::lock_guard lock(mutex_);
  sequence_ += static_cast<uint32_t>(ticks);
  if (queue_.empty()) return refuse(EAGAIN);
  Buffer& ours = buffers_[queue_.front()];
  queue_.pop_front();
  ours.queued = false;
  const size_t offset = ours.index * buffer_bytes();
  auto* memory = memory_type_ == V4L2_MEMORY_USERPTR ? static_cast<std::byte*>(ours.user_memory) : mapped_ + offset;
  buffer.index = ours.index;
  buffer.memory = memory_type_;
  buffer.bytesused = static_cast<uint32_t>(deliver(ours, memory));
  buffer.length = static_cast<uint32_t>(buffer_bytes());
  if (memory_type_ == V4L2_MEMORY_MMAP) buffer.m.offset = static_cast<uint32_t>(offset);
  if (memory_type_ == V4L2_MEMORY_USERPTR) buffer.m.userptr = reinterpret_cast<unsigned long>(ours.user_memory);
  buffer.field = V4L2_FIELD_NONE;
  buffer.sequence = sequence_;
  buffer.flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_DONE;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  buffer.timestamp = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

int FakeCamera::export_buffer(v4l2_exportbuffer&) const { return refuse(ENOTTY); }

int FakeCamera::stream(bool on) {
  const long period_ns = 1'000'000'000L / static_cast<long>(options_.fps);
  const timespec period{period_ns / 1'000'000'000L, period_ns % 1'000'000'000L};
  const itimerspec ticking{period, period};
  const itimerspec stopped{};
  if (!on) {
    queue_.clear();
    for (Buffer& buffer : buffers_) buffer.queued = false;
  }
  return timerfd_settime(timer_.get(), 0, on ? &ticking : &stopped, nullptr);
}

int FakeCamera::control(unsigned long request, void* argument) {
  // The only call that may wait: not under the lock.
  if (request == VIDIOC_DQBUF) return dequeue_buffer(*static_cast<v4l2_buffer*>(argument));
  std::lock_guard lock(mutex_);
  switch (request) {
    case VIDIOC_QUERYCAP:
      return query_capability(*static_cast<v4l2_capability*>(argument));
    case VIDIOC_ENUM_FMT:
      return enumerate_format(*static_cast<v4l2_fmtdesc*>(argument));
    case VIDIOC_ENUM_FRAMESIZES:
      return enumerate_size(*static_cast<v4l2_frmsizeenum*>(argument));
    case VIDIOC_ENUM_FRAMEINTERVALS:
      return enumerate_interval(*static_cast<v4l2_frmivalenum*>(argument));
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT:
    case VIDIOC_TRY_FMT:
      return fill_format(*static_cast<v4l2_format*>(argument));
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
      return fill_parameters(*static_cast<v4l2_streamparm*>(argument));
    case VIDIOC_ENUMINPUT:
      return fill_input(*static_cast<v4l2_input*>(argument));
    case VIDIOC_G_INPUT:
      return *static_cast<int*>(argument) = 0;
    case VIDIOC_S_INPUT:
      return *static_cast<int*>(argument) == 0 ? 0 : refuse(EINVAL);
    case VIDIOC_REQBUFS:
      return request_buffers(*static_cast<v4l2_requestbuffers*>(argument));
    case VIDIOC_QUERYBUF:
      return query_buffer(*static_cast<v4l2_buffer*>(argument));
    case VIDIOC_QBUF:
      return queue_buffer(*static_cast<v4l2_buffer*>(argument));
    case VIDIOC_EXPBUF:
      return export_buffer(*static_cast<v4l2_exportbuffer*>(argument));
    case VIDIOC_STREAMON:
      return stream(true);
    case VIDIOC_STREAMOFF:
      return stream(false);
    case VIDIOC_QUERYCTRL:
      return refuse(EINVAL);
    default:
      return refuse(ENOTTY);
  }
}

}  // namespace bench
