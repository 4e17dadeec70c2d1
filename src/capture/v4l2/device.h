// Device: one open V4L2 capture device: what it is, what it gives, and its format. Thread-safe where the kernel is (its
// ioctls); a const member never changes the device.
#pragma once

#include <linux/videodev2.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/v4l2/kernel.h"
#include "ipc/messages.h"

namespace camweave::v4l2 {

struct DeviceName {
  std::string path;        // /dev/video0
  std::string card;        // the model's name, as the driver tells it
  std::string driver;      // "uvcvideo"
  std::string bus;         // "usb-0000:01:00.0-1.2"
  std::string serial;      // USB serial number, "" where it has none
  std::string manufacturer;
};

// What the device puts into a buffer after VIDIOC_S_FMT.
struct PictureLayout {
  PixelFormat format = PixelFormat::yuyv;
  Size size{};
  size_t stride_bytes = 0;   // of the first plane
  size_t size_bytes = 0;     // of a whole picture; an upper bound for compressed ones
  unsigned memory_planes = 1;  // 2 for NV12 in two buffers
  bool full_range = true;      // as Frame has it
};

class Device {
 public:
  // Opens a capture device. The error says why it can't be used: which process has it, which group is missing.
  static Result<std::unique_ptr<Device>> open(Kernel& kernel, const std::string& path);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  Kernel& kernel() const { return kernel_; }
  int fd() const { return fd_; }
  const DeviceName& name() const { return name_; }
  bool is_multiplanar() const { return multiplanar_; }
  v4l2_buf_type buffer_type() const {
    return multiplanar_ ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
  }

  // Every mode in a format that we know; stepwise sizes and rates as a ladder of the usual ones. At most 256.
  std::vector<ipc::Mode> modes() const;

  // Sets format and rate; the layout and mode are what the device took.
  struct Configured {
    PictureLayout layout;
    ipc::Mode mode;
  };
  Result<Configured> configure(const ipc::Mode& mode);

  // HDMI and SDI capture: takes over the timings that the source sends, and answers its size. None: no such input.
  Result<std::optional<Size>> follow_source_timings();

  // An ioctl whose failure becomes an Error naming device and call.
  template <typename T>
  Result<void> call(unsigned long request, T* argument, const char* what) const {
    if (kernel_.ioctl(fd_, request, argument) == 0) return {};
    return failure(what);
  }
  // ENODEV is `not_found`: the device was unplugged.
  Error failure(const char* what) const;

 private:
  Device(Kernel& kernel, int fd, DeviceName name, bool multiplanar)
      : kernel_(kernel), fd_(fd), name_(std::move(name)), multiplanar_(multiplanar) {}
  std::vector<Size> sizes_of(uint32_t fourcc) const;
  std::vector<int> rates_of(uint32_t fourcc, Size size) const;  // thousandths of fps
  int set_rate(int fps_milli);
  PictureLayout read_layout(const v4l2_format& format) const;

  Kernel& kernel_;
  const int fd_;
  const DeviceName name_;
  const bool multiplanar_;
};

// What is known without taking the device: for `camweave cameras` and to find it again. Empty path: no capture device.
DeviceName identify(Kernel& kernel, const std::string& path);

// The path that a source means: "/dev/video2", "serial=X", "bus=usb-…", or a name when only one device has it.
// `not_found` names what was looked for and what is there.
Result<std::string> resolve_device(Kernel& kernel, const std::string& wanted);

std::optional<PixelFormat> from_fourcc(uint32_t fourcc);
std::string fourcc_name(uint32_t fourcc);

}  // namespace camweave::v4l2
