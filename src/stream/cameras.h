// Cameras: what sinks and the REST API know of the cameras; the supervisor (src/control/) implements it. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ipc/messages.h"
#include "media/control.h"
#include "media/packet.h"
#include "stream/stream.h"

namespace camweave {

enum class CameraState { starting, streaming, stalled, failed, away, disabled };
const char* to_string(CameraState state);

// One truth for REST, metrics, MQTT and the page (interfaces section 9).
struct CameraHealth {
  CameraState state = CameraState::starting;
  std::optional<int64_t> last_frame_age_ms;
  double fps = 0;           // measured over the last seconds
  double expected_fps = 0;  // what the mode promises; 0 unknown
  uint64_t dropped = 0;
  uint64_t restarts = 0;
  std::string last_error;   // "" none yet; kept after recovery
  std::optional<double> next_retry_s;
};

// One rendition that is being made.
struct RenditionStatus {
  uint32_t id = 0;       // of this life of the server; never reused
  Rendition rendition;   // its bitrate as it is now
  std::string encoder;   // "libx264", "pass-through"; "" until a frame came out
};

struct CameraStatus {
  std::string id;
  size_t index = 0;         // in configuration order: /ws/stream/{index}
  std::string source;       // secrets redacted
  std::string driver;
  std::string make, model, serial, identity;
  ipc::Mode mode;           // size 0×0 until first opened
  bool capture_on_demand = false;
  std::string mode_note;
  std::vector<ipc::Mode> modes;
  CameraHealth health;
  std::vector<RenditionStatus> renditions;  // those being made now
  std::optional<FrameMetadata> sensor;      // the newest frame's, where there is one of the last second
};

// Whether a camera in this mode gives the rendition itself, so that nothing is encoded and no keyframe can be ordered.
bool passes_through(const Rendition& rendition, const ipc::Mode& mode);

struct CameraRequestToAdd {
  std::string id;
  std::string source;
  Size size{};
  int fps_milli = 0;
  bool capture_on_demand = false;
  bool enabled = true;
  ControlValues controls;
};

struct CameraEvent {
  enum class Kind { changed, removed, controls } kind = Kind::changed;
  CameraStatus status;             // changed
  std::string id;
  std::vector<Control> controls;   // controls
};

class Cameras {
 public:
  virtual ~Cameras() = default;

  virtual std::vector<CameraStatus> list() const = 0;                      // by index
  virtual std::optional<CameraStatus> find(std::string_view id) const = 0;
  virtual std::optional<std::string> id_at(size_t index) const = 0;

  // The lease on a rendition. `not_found`: no such camera; `exhausted`: already max_renditions_per_camera different ones.
  virtual Result<std::shared_ptr<Stream>> open(std::string_view id, const Rendition& rendition) = 0;

  // Each answers once, on any thread, within 12 s at the latest; `unavailable` while the camera is away.
  virtual std::optional<std::vector<Control>> controls(std::string_view id) const = 0;  // last known; none: never opened
  virtual void set_controls(std::string_view id, ControlValues values, std::function<void(Result<ControlOutcome>)> done) = 0;
  virtual void reset_controls(std::string_view id, std::function<void(Result<std::vector<Control>>)> done) = 0;
  virtual void still(std::string_view id, int quality, std::function<void(Result<PacketPtr>)> done) = 0;

  virtual Result<void> add(CameraRequestToAdd camera) = 0;
  virtual Result<void> change(CameraRequestToAdd camera) = 0;  // restarts the worker where source, size or rate change
  virtual Result<void> remove(std::string_view id) = 0;

  // Events on the control thread; must not block. The handle ends the subscription.
  virtual std::shared_ptr<void> subscribe(std::function<void(const CameraEvent&)> on_event) = 0;
};

}  // namespace camweave
