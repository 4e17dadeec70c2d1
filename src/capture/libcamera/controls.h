// CameraControls: a camera's controls in the one schema: canonical names and units where there are such, libcamera's
// own name in snake_case else. libcamera takes controls with a request and tells most values only with the frames, so
// this also remembers what was asked for and what frames reported. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "capture/libcamera/camera_system.h"
#include "capture/libcamera/control_names.h"
#include "media/control.h"

namespace camweave::libcam {

class CameraControls {
 public:
  explicit CameraControls(std::vector<DeviceControl> offered);

  // The schema with the values of this moment: of an automatic what the last frame reported, else what was set.
  std::vector<Control> read() const;

  // What to send to the camera for values that were checked against read(): in order, one batch to a request, because
  // an automatic must be off before what it drives is set. `applied`: the values as the camera will take them.
  std::vector<DeviceValues> set(const ControlValues& wanted, ControlValues& applied);

  // The defaults of all that was set, as batches.
  std::vector<DeviceValues> reset();

  // All that was set so far, as batches: for a camera that starts again.
  std::vector<DeviceValues> all_set() const;

  // What a frame's metadata says; wakes settle().
  void note(const FrameReport& report);

  // Waits until frames report what was set, as near as the sensor comes to it (an exposure is a whole number of rows),
  // and writes that into `applied`; at `deadline` at the latest, or at once for values that this camera does not
  // report.
  void settle(ControlValues& applied, Timestamp deadline) const;

  // The control frame_rate's value in frames per 1000 s, and the time between frames; 0: the camera has no such
  // control.
  int fps_milli() const;
  std::chrono::nanoseconds shortest_frame() const;

 private:
  struct Known {
    DeviceControl device;
    const CanonicalName* canonical = nullptr;  // nullptr: own name
    Control schema;
  };
  void add(const DeviceControl& device, const CanonicalName* canonical);
  bool set_range(Known& known) const;
  const Known* find(std::string_view name) const;
  static std::optional<double> FrameReport::*report_of(std::string_view name);
  ControlValue clamped(const Known& known, const ControlValue& value) const;
  ControlValue current(const Known& known) const REQUIRES(mutex_);
  double number_now(std::string_view name, double otherwise) const REQUIRES(mutex_);
  void put(const Known& known, const ControlValue& value, DeviceValues& into) const REQUIRES(mutex_);
  std::vector<DeviceValues> batches(const ControlValues& values) const REQUIRES(mutex_);

  // Constant after construction.
  std::vector<Known> known_;
  bool has_exposure_modes_ = false;  // libcamera 0.5 and later
  bool has_gain_mode_ = false;

  mutable Mutex mutex_;
  ControlValues set_ GUARDED_BY(mutex_);
  FrameReport last_ GUARDED_BY(mutex_);  // of what was not set since
  FrameReport ever_ GUARDED_BY(mutex_);  // the last that was reported of each, if ever
  mutable CondVar reported_;
};

}  // namespace camweave::libcam
