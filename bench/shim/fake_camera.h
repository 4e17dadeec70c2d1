// The camera that the shim plays: formats, buffers, and frames that are due by a clock. Thread-safe.
#pragma once

#include <linux/videodev2.h>

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "../common/exif_stamp.h"
#include "../common/unique_fd.h"

namespace bench {

class FakeCamera {
 public:
  struct Options {
    std::string frames_dir;
    uint32_t pixel_format = V4L2_PIX_FMT_MJPEG;
    uint32_t width = 1920;
    uint32_t height = 1080;
    uint32_t fps = 30;
    bool stamp = true;
  };
  static Options options_from_environment();

  explicit FakeCamera(Options options);

  // A file descriptor of the camera's timerfd, or -1 with errno.
  int open(bool nonblocking);
  bool owns(int fd) const { return fd >= 0 && fd < kMostFds && owned_[static_cast<size_t>(fd)]; }
  // The program duplicated or closed one of its descriptors. After the last close the camera is as new.
  void remember(int fd);
  void forget(int fd);

  // An ioctl's answer: 0, or -1 with errno.
  int control(unsigned long request, void* argument);
  // Where buffers live; mmap's offset is theirs.
  int memory_fd() const { return memory_.get(); }

 private:
  struct Frame {
    StampableJpeg jpeg;          // MJPEG
    std::vector<std::byte> raw;  // YUYV
  };
  struct Buffer {
    uint32_t index = 0;
    bool queued = false;
    void* user_memory = nullptr;
    size_t user_bytes = 0;
  };

  void load_frames();
  int query_capability(v4l2_capability& out) const;
  int enumerate_format(v4l2_fmtdesc& out) const;
  int enumerate_size(v4l2_frmsizeenum& out) const;
  int enumerate_interval(v4l2_frmivalenum& out) const;
  int fill_format(v4l2_format& out) const;
  int fill_parameters(v4l2_streamparm& out) const;
  int fill_input(v4l2_input& out) const;
  int request_buffers(v4l2_requestbuffers& request);
  int query_buffer(v4l2_buffer& buffer) const;
  int queue_buffer(v4l2_buffer& buffer);
  int dequeue_buffer(v4l2_buffer& buffer);
  int export_buffer(v4l2_exportbuffer& request) const;
  int stream(bool on);
  size_t buffer_bytes() const;
  size_t deliver(Buffer& buffer, std::byte* memory);

  const Options options_;
  std::vector<Frame> frames_;
  static constexpr int kMostFds = 4096;
  std::array<std::atomic<bool>, kMostFds> owned_{};  // the program's descriptors of this camera
  UniqueFd timer_;                                   // ours
  bool nonblocking_ = false;

  std::mutex mutex_;
  UniqueFd memory_;
  std::byte* mapped_ = nullptr;
  size_t mapped_bytes_ = 0;
  std::vector<Buffer> buffers_;
  std::deque<uint32_t> queue_;
  uint32_t sequence_ = 0;
  uint32_t memory_type_ = V4L2_MEMORY_MMAP;
};

}  // namespace bench
