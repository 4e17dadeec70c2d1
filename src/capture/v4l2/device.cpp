#include "capture/v4l2/device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <set>

namespace camweave::v4l2 {
namespace {

struct FourccRow {
  uint32_t fourcc;
  PixelFormat format;
};
constexpr std::array fourcc_table{
    FourccRow{V4L2_PIX_FMT_MJPEG, PixelFormat::jpeg},         FourccRow{V4L2_PIX_FMT_JPEG, PixelFormat::jpeg},
    FourccRow{V4L2_PIX_FMT_YUYV, PixelFormat::yuyv},          FourccRow{V4L2_PIX_FMT_UYVY, PixelFormat::uyvy},
    FourccRow{V4L2_PIX_FMT_NV12, PixelFormat::nv12},          FourccRow{V4L2_PIX_FMT_NV12M, PixelFormat::nv12},
    FourccRow{V4L2_PIX_FMT_YUV420, PixelFormat::i420},        FourccRow{V4L2_PIX_FMT_YUV420M, PixelFormat::i420},
    FourccRow{V4L2_PIX_FMT_RGB24, PixelFormat::rgb24},        FourccRow{V4L2_PIX_FMT_BGR24, PixelFormat::bgr24},
    FourccRow{V4L2_PIX_FMT_GREY, PixelFormat::grey},          FourccRow{V4L2_PIX_FMT_SRGGB8, PixelFormat::bayer_rggb8},
    FourccRow{V4L2_PIX_FMT_SGRBG8, PixelFormat::bayer_grbg8}, FourccRow{V4L2_PIX_FMT_SGBRG8, PixelFormat::bayer_gbrg8},
    FourccRow{V4L2_PIX_FMT_SBGGR8, PixelFormat::bayer_bggr8}, FourccRow{V4L2_PIX_FMT_H264, PixelFormat::h264},
    FourccRow{V4L2_PIX_FMT_HEVC, PixelFormat::h265},
};

// For devices that scale to any size or rate: the ones that people ask for.
constexpr std::array usual_sizes{Size{320, 240},  Size{640, 480},   Size{800, 600},   Size{1280, 720},
                                 Size{1280, 960}, Size{1920, 1080}, Size{2560, 1440}, Size{3840, 2160}};
constexpr std::array usual_rates{5'000, 10'000, 15'000, 25'000, 30'000, 50'000, 60'000, 120'000};
constexpr size_t most_modes = 256;

std::string text_of(const uint8_t* field, size_t size) {
  return std::string(reinterpret_cast<const char*>(field), ::strnlen(reinterpret_cast<const char*>(field), size));
}

// The kernel's rule (videodev2.h, V4L2_MAP_QUANTIZATION_DEFAULT): YUV has video's levels unless the driver says otherwise.
// Monochrome cameras are asked nothing by that rule and use all levels.
bool is_full_range(PixelFormat format, uint32_t quantization, uint32_t colorspace) {
  switch (format) {
    case PixelFormat::yuyv:
    case PixelFormat::uyvy:
    case PixelFormat::nv12:
    case PixelFormat::i420:
      if (quantization == V4L2_QUANTIZATION_DEFAULT) return colorspace == V4L2_COLORSPACE_JPEG;
      return quantization == V4L2_QUANTIZATION_FULL_RANGE;
    default: return quantization != V4L2_QUANTIZATION_LIM_RANGE;
  }
}

int to_fps_milli(const v4l2_fract& interval) {
  return interval.numerator ? static_cast<int>(std::lround(1000.0 * interval.denominator / interval.numerator)) : 0;
}

// Whether this node captures pictures (a UVC camera has a second one for metadata), and by which API.
std::optional<bool> capture_is_multiplanar(const v4l2_capability& capability) {
  const uint32_t caps =
      capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
  if (!(caps & V4L2_CAP_STREAMING)) return std::nullopt;
  if (caps & V4L2_CAP_VIDEO_CAPTURE) return false;
  if (caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE) return true;
  return std::nullopt;
}

DeviceName name_of(Kernel& kernel, const std::string& path, const v4l2_capability& capability) {
  DeviceName name;
  name.path = path;
  name.card = text_of(capability.card, sizeof capability.card);
  name.driver = text_of(capability.driver, sizeof capability.driver);
  name.bus = text_of(capability.bus_info, sizeof capability.bus_info);
  // sysfs: the video node's device is the USB interface; the USB device is its parent.
  name.serial = kernel.attribute(path, "device/../serial");
  name.manufacturer = kernel.attribute(path, "device/../manufacturer");
  return name;
}

// Other users' programs can't be seen without root.
std::string users_text(Kernel& kernel, const std::string& path) {
  const auto users = kernel.users_of(path);
  return users.empty() ? "another program" : fmt::format("{}", fmt::join(users, ", "));
}

Error open_failure(Kernel& kernel, const std::string& path, int error_number) {
  if (error_number == EACCES || error_number == EPERM) {
    struct stat node {};
    const bool known = ::stat(path.c_str(), &node) == 0;
    const group* owner = known ? ::getgrgid(node.st_gid) : nullptr;
    const std::string name = owner ? owner->gr_name : "video";
    return Error{ErrorCode::permission_denied,
                 fmt::format("{}: no permission: add the user to group '{}' (sudo usermod -aG {} USER), then log in again",
                             path, name, name)};
  }
  if (error_number == EBUSY) {
    return Error{ErrorCode::busy, fmt::format("{}: in use by {}", path, users_text(kernel, path))};
  }
  return system_error(path, error_number);
}

}  // namespace

std::optional<PixelFormat> from_fourcc(uint32_t fourcc) {
  for (const FourccRow& row : fourcc_table) {
    if (row.fourcc == fourcc) return row.format;
  }
  return std::nullopt;
}

std::string fourcc_name(uint32_t fourcc) {
  std::string name;
  for (unsigned shift = 0; shift < 32; shift += 8) name += static_cast<char>((fourcc >> shift) & 0x7f);
  return name;
}

Result<std::unique_ptr<Device>> Device::open(Kernel& kernel, const std::string& path) {
  const int fd = kernel.open(path.c_str(), O_RDWR | O_NONBLOCK);
  if (fd < 0) return open_failure(kernel, path, errno);
  v4l2_capability capability{};
  if (kernel.ioctl(fd, VIDIOC_QUERYCAP, &capability) != 0) {
    kernel.close(fd);
    return Error{ErrorCode::unsupported, path + ": not a V4L2 device"};
  }
  const auto multiplanar = capture_is_multiplanar(capability);
  if (!multiplanar) {
    kernel.close(fd);
    return Error{ErrorCode::unsupported,
                 fmt::format("{}: {} gives no pictures here (another /dev/video of the same camera may)", path,
                             text_of(capability.card, sizeof capability.card))};
  }
  return std::unique_ptr<Device>(new Device(kernel, fd, name_of(kernel, path, capability), *multiplanar));
}

Device::~Device() { kernel_.close(fd_); }

Error Device::failure(const char* what) const {
  const int error_number = errno;
  if (error_number == ENODEV) return Error{ErrorCode::not_found, name_.path + ": unplugged"};
  if (error_number == EBUSY) {
    return Error{ErrorCode::busy,
                 fmt::format("{}: {}: in use by {}", name_.path, what, users_text(kernel_, name_.path))};
  }
  return system_error(fmt::format("{}: {}", name_.path, what), error_number);
}

std::vector<Size> Device::sizes_of(uint32_t fourcc) const {
  std::vector<Size> sizes;
  v4l2_frmsizeenum entry{};
  entry.pixel_format = fourcc;
  for (entry.index = 0; sizes.size() < most_modes && kernel_.ioctl(fd_, VIDIOC_ENUM_FRAMESIZES, &entry) == 0; ++entry.index) {
    if (entry.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
      sizes.push_back({static_cast<int>(entry.discrete.width), static_cast<int>(entry.discrete.height)});
      continue;
    }
    const auto& range = entry.stepwise;
    const Size largest{static_cast<int>(range.max_width), static_cast<int>(range.max_height)};
    for (const Size size : usual_sizes) {
      if (size.width >= static_cast<int>(range.min_width) && size.height >= static_cast<int>(range.min_height) &&
          size.width <= largest.width && size.height <= largest.height) {
        sizes.push_back(size);
      }
    }
    if (std::ranges::find(sizes, largest) == sizes.end()) sizes.push_back(largest);
    break;
  }
  if (sizes.empty()) {  // a driver without the enumeration: what is set now
    v4l2_format format{};
    format.type = buffer_type();
    if (kernel_.ioctl(fd_, VIDIOC_G_FMT, &format) == 0) {
      sizes.push_back(multiplanar_ ? Size{static_cast<int>(format.fmt.pix_mp.width), static_cast<int>(format.fmt.pix_mp.height)}
                                   : Size{static_cast<int>(format.fmt.pix.width), static_cast<int>(format.fmt.pix.height)});
    }
  }
  return sizes;
}

std::vector<int> Device::rates_of(uint32_t fourcc, Size size) const {
  std::set<int> rates;
  v4l2_frmivalenum entry{};
  entry.pixel_format = fourcc;
  entry.width = static_cast<uint32_t>(size.width);
  entry.height = static_cast<uint32_t>(size.height);
  for (entry.index = 0; rates.size() < most_modes && kernel_.ioctl(fd_, VIDIOC_ENUM_FRAMEINTERVALS, &entry) == 0; ++entry.index) {
    if (entry.type == V4L2_FRMIVAL_TYPE_DISCRETE) {
      rates.insert(to_fps_milli(entry.discrete));
      continue;
    }
    const int fastest = to_fps_milli(entry.stepwise.min), slowest = to_fps_milli(entry.stepwise.max);
    for (const int rate : usual_rates) {
      if (rate >= slowest && rate <= fastest) rates.insert(rate);
    }
    if (rates.empty()) rates.insert(fastest);
    break;
  }
  rates.erase(0);
  if (rates.empty()) rates.insert(0);  // the device doesn't say: HDMI inputs
  return {rates.begin(), rates.end()};
}

std::vector<ipc::Mode> Device::modes() const {
  std::vector<ipc::Mode> modes;
  v4l2_fmtdesc description{};
  description.type = buffer_type();
  for (description.index = 0; kernel_.ioctl(fd_, VIDIOC_ENUM_FMT, &description) == 0; ++description.index) {
    const auto format = from_fourcc(description.pixelformat);
    if (!format) continue;
    for (const Size size : sizes_of(description.pixelformat)) {
      for (const int rate : rates_of(description.pixelformat, size)) {
        const ipc::Mode mode{*format, size, rate};
        if (modes.size() < most_modes && std::ranges::find(modes, mode) == modes.end()) modes.push_back(mode);
      }
    }
  }
  return modes;
}

PictureLayout Device::read_layout(const v4l2_format& format) const {
  PictureLayout layout;
  if (multiplanar_) {
    const auto& pix = format.fmt.pix_mp;
    layout.size = {static_cast<int>(pix.width), static_cast<int>(pix.height)};
    layout.stride_bytes = pix.plane_fmt[0].bytesperline;
    layout.size_bytes = pix.plane_fmt[0].sizeimage;
    layout.memory_planes = std::clamp<unsigned>(pix.num_planes, 1, 3);
    layout.format = from_fourcc(pix.pixelformat).value_or(PixelFormat::yuyv);
    layout.full_range = is_full_range(layout.format, pix.quantization, pix.colorspace);
  } else {
    const auto& pix = format.fmt.pix;
    layout.size = {static_cast<int>(pix.width), static_cast<int>(pix.height)};
    layout.stride_bytes = pix.bytesperline;
    layout.size_bytes = pix.sizeimage;
    layout.format = from_fourcc(pix.pixelformat).value_or(PixelFormat::yuyv);
    layout.full_range = is_full_range(layout.format, pix.quantization, pix.colorspace);
  }
  return layout;
}

Result<Device::Configured> Device::configure(const ipc::Mode& mode) {
  // Several fourccs can mean one of our formats (NV12 in one buffer or in two): the first that the device takes.
  for (const FourccRow& row : fourcc_table) {
    if (row.format != mode.format) continue;
    v4l2_format format{};
    format.type = buffer_type();
    if (multiplanar_) {
      format.fmt.pix_mp.width = static_cast<uint32_t>(mode.size.width);
      format.fmt.pix_mp.height = static_cast<uint32_t>(mode.size.height);
      format.fmt.pix_mp.pixelformat = row.fourcc;
      format.fmt.pix_mp.field = V4L2_FIELD_NONE;
    } else {
      format.fmt.pix.width = static_cast<uint32_t>(mode.size.width);
      format.fmt.pix.height = static_cast<uint32_t>(mode.size.height);
      format.fmt.pix.pixelformat = row.fourcc;
      format.fmt.pix.field = V4L2_FIELD_NONE;
    }
    if (kernel_.ioctl(fd_, VIDIOC_S_FMT, &format) != 0) {
      if (errno == EBUSY || errno == ENODEV) return failure("setting the format");
      continue;
    }
    const uint32_t taken = multiplanar_ ? format.fmt.pix_mp.pixelformat : format.fmt.pix.pixelformat;
    if (taken != row.fourcc) continue;
    Configured configured{read_layout(format), mode};
    configured.mode.size = configured.layout.size;
    configured.mode.fps_milli = set_rate(mode.fps_milli);
    return configured;
  }
  return Error{ErrorCode::unsupported, fmt::format("{}: refuses {} {}", name_.path, to_string(mode.format), to_string(mode.size))};
}

int Device::set_rate(int fps_milli) {
  v4l2_streamparm parameters{};
  parameters.type = buffer_type();
  if (fps_milli) {
    parameters.parm.capture.timeperframe = {1000, static_cast<uint32_t>(fps_milli)};
    // Refused by devices without a settable rate; the answer below tells what holds.
    if (kernel_.ioctl(fd_, VIDIOC_S_PARM, &parameters) == 0) return to_fps_milli(parameters.parm.capture.timeperframe);
  }
  if (kernel_.ioctl(fd_, VIDIOC_G_PARM, &parameters) == 0) return to_fps_milli(parameters.parm.capture.timeperframe);
  return fps_milli;
}

Result<std::optional<Size>> Device::follow_source_timings() {
  v4l2_dv_timings timings{};
  if (kernel_.ioctl(fd_, VIDIOC_QUERY_DV_TIMINGS, &timings) != 0) {
    switch (errno) {
      case ENOTTY:
      case ENODATA: return std::optional<Size>();  // no such input: a camera, not a capture card
      case ENOLINK: return Error{ErrorCode::unavailable, name_.path + ": no signal: is the source on and its cable plugged in?"};
      case ENOLCK: return Error{ErrorCode::unavailable, name_.path + ": the signal is unstable: check the cable"};
      case ERANGE: return Error{ErrorCode::unsupported, name_.path + ": the source sends timings that the device can't capture"};
      default: return failure("asking for the source's timings");
    }
  }
  if (auto set = call(VIDIOC_S_DV_TIMINGS, &timings, "setting the source's timings"); !set) return set.error();
  return std::optional(Size{static_cast<int>(timings.bt.width), static_cast<int>(timings.bt.height)});
}

DeviceName identify(Kernel& kernel, const std::string& path) {
  const int fd = kernel.open(path.c_str(), O_RDWR | O_NONBLOCK);
  if (fd < 0) return {};
  v4l2_capability capability{};
  const bool is_v4l2 = kernel.ioctl(fd, VIDIOC_QUERYCAP, &capability) == 0;
  kernel.close(fd);
  if (!is_v4l2 || !capture_is_multiplanar(capability)) return {};
  return name_of(kernel, path, capability);
}

namespace {

bool matches(const DeviceName& name, const std::string& wanted) {
  if (wanted.starts_with("serial=")) return name.serial == wanted.substr(7);
  if (wanted.starts_with("bus=")) return name.bus == wanted.substr(4);
  return name.card == wanted;
}

}  // namespace

Result<std::string> resolve_device(Kernel& kernel, const std::string& wanted) {
  if (wanted.starts_with("/")) return wanted;
  std::vector<std::string> found, present;
  for (const std::string& path : kernel.video_devices()) {
    const DeviceName name = identify(kernel, path);
    if (name.path.empty()) continue;
    present.push_back(fmt::format("{} ({}, {})", path, name.card, name.serial.empty() ? "bus=" + name.bus : "serial=" + name.serial));
    if (matches(name, wanted)) found.push_back(path);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return Error{ErrorCode::not_found, fmt::format("no camera '{}' is plugged in; present: {}", wanted,
                                                   present.empty() ? "none" : fmt::format("{}", fmt::join(present, ", ")))};
  }
  return Error{ErrorCode::invalid_argument,
               fmt::format("'{}' means {} cameras: name one by serial= or bus=: {}", wanted, found.size(), fmt::join(present, ", "))};
}

}  // namespace camweave::v4l2
