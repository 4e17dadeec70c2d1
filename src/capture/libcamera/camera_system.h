// The seam to libcamera: what this driver needs of it, in the driver's own words. system/ implements it by the library,
// fake_system.h for tests. Controls go by libcamera's names ("ExposureTime"): their numbers move between its versions.
//
// Nothing that comes through here is believed without a check: some pipeline handlers fill in no metadata at all.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "media/video_format.h"

namespace camweave::libcam {

// A control's value: none, bool, any whole number, any real number, or several numbers (an array; a rectangle as x, y,
// width, height).
using DeviceValue = std::variant<std::monostate, bool, int64_t, double, std::vector<double>>;
using DeviceValues = std::map<std::string, DeviceValue, std::less<>>;

enum class ValueType { boolean, integer, real, rectangle, other };

struct DeviceControl {
  std::string name;
  ValueType type = ValueType::other;
  bool is_array = false;
  DeviceValue min, max, default_value;          // of an array: one element's, or the whole
  std::vector<int64_t> choices;                 // of a menu: the numbers that may be set
  std::map<int64_t, std::string> choice_names;  // where the library knows them
};

struct CameraName {
  std::string id;                    // libcamera's: "/base/soc/i2c0mux/i2c@1/imx219@10"
  std::string model;                 // "imx219"
  std::vector<std::string> devices;  // "/dev/video0", where the library says which
};

enum class StreamUse { video, still };

struct StreamOffer {
  PixelFormat format;
  std::vector<Size> sizes;
  // Any size between, for cameras that scale; 0×0 where only `sizes` are given.
  Size smallest{}, largest{};
};

// How the picture is turned on its way out of the camera, on top of what its mounting needs.
struct Turn {
  bool flip_h = false, flip_v = false;  // flipped first
  int rotation = 0;                     // then turned clockwise: 0, 90, 180, 270
  bool operator==(const Turn&) const = default;
};

struct StreamWish {
  StreamUse use = StreamUse::video;
  PixelFormat format = PixelFormat::yuyv;
  Size size{};
  unsigned buffers = 4;
  Turn turn;
};

struct StreamTaken {
  PixelFormat format = PixelFormat::yuyv;
  Size size{};
  size_t stride_bytes = 0;
  size_t size_bytes = 0;
  bool full_range = true;
  bool turned = true;  // false: the camera can't turn as wished, and the picture is as it comes
};

// One plane of a buffer's memory; the descriptor stays the camera's. Several planes may share one.
struct PlaneMemory {
  int fd = -1;
  size_t offset_bytes = 0;
  size_t size_bytes = 0;
};
using BufferMemory = std::vector<PlaneMemory>;

// What came with a frame: as told, unchecked.
struct FrameReport {
  size_t buffer = 0;
  bool cancelled = false;  // by stop() or because the camera is gone
  bool damaged = false;
  uint32_t sequence = 0;
  int64_t timestamp_ns = 0;
  std::array<size_t, 3> used_bytes{};
  std::optional<int64_t> sensor_timestamp_ns;
  std::optional<double> exposure_us, analogue_gain, digital_gain, colour_temperature_k, lux, lens_position;
};

class FrameListener {
 public:
  virtual ~FrameListener() = default;
  // On a thread of libcamera's; must be short and must not call the camera.
  virtual void completed(const FrameReport& report) = 0;
};

// One camera, taken for us alone; destruction gives it back. Driver thread, but for queue(), which is thread-safe.
class CameraDevice {
 public:
  virtual ~CameraDevice() = default;

  virtual const CameraName& name() const = 0;
  virtual bool gone() const = 0;  // unplugged; thread-safe
  virtual std::vector<StreamOffer> offers(StreamUse use) = 0;
  virtual std::vector<DeviceControl> controls() const = 0;  // the ranges depend on the configuration
  virtual Result<StreamTaken> configure(const StreamWish& wish) = 0;
  virtual Result<std::vector<BufferMemory>> allocate() = 0;  // for the configured stream; until free_buffers()
  virtual void free_buffers() = 0;
  virtual Result<void> start(FrameListener& listener, const DeviceValues& controls) = 0;
  virtual void stop() = 0;  // returns what is queued as cancelled; the listener is not called afterwards
  virtual Result<void> queue(size_t buffer, const DeviceValues& controls) = 0;
};

// Driver thread.
class CameraSystem {
 public:
  virtual ~CameraSystem() = default;

  virtual Result<std::vector<CameraName>> cameras() = 0;
  virtual Result<std::unique_ptr<CameraDevice>> take(const std::string& id) = 0;
  virtual int changes_fd() const = 0;  // readable after a camera came or went
  virtual void clear_changes() = 0;
};

}  // namespace camweave::libcam
