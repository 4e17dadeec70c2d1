// Camera: what a driver implements. One camera in one process; the runtime (worker.h) does everything else: the socket,
// shared memory, renditions, encoding, EXIF, status. A driver never retries, never sleeps to back off and never logs a
// failure that it returns: it returns the error and the supervisor decides.
//
// Threads: open(), run() and close-by-destruction on the driver thread; controls(), set_controls(), reset_controls() and
// request_still() on the control thread while run() runs. The driver locks what both touch.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "ipc/messages.h"
#include "media/control.h"
#include "media/frame.h"
#include "media/source_uri.h"

namespace camweave {

// Tells run() to return. Thread-safe.
class StopSignal {
 public:
  static Result<StopSignal> create();
  void raise();                       // also from a signal handler
  bool raised() const;
  int fd() const { return fd_.get(); }  // readable once raised: for poll and epoll
  // Sleeps until `deadline` or raised; true when raised.
  bool wait_until(Timestamp deadline) const;

 private:
  explicit StopSignal(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;  // an eventfd
};

struct CameraRequest {
  SourceUri source;
  Size wanted_size{};          // 0×0: the driver's choice
  int wanted_fps_milli = 0;    // 0: the driver's choice
  bool capture_on_demand = false;
  uint64_t first_sequence = 0; // for drivers that count frames themselves
  ControlValues controls;      // to apply at open: unknown or refused ones are logged, not fatal
};

// Where frames go: the runtime. Every call is thread-safe, returns at once and never blocks on a client or the server.
class FrameSink {
 public:
  virtual ~FrameSink() = default;

  // Whether anybody wants pixels now. While false a driver need not produce them, but reports each frame by
  // count_frame(). A change wakes the driver through wanted_fd() (readable: read it with clear_wanted_event()).
  // H.264 and H.265 packets are delivered always: who begins to watch needs all since the keyframe.
  virtual bool wanted() const = 0;
  virtual int wanted_fd() const = 0;
  virtual void clear_wanted_event() = 0;

  virtual void deliver(Frame frame) = 0;
  virtual void count_frame(uint64_t sequence, Timestamp capture_time) = 0;
  // A source of H.264 or H.265 stands still: its newest picture again, for those who watch it decoded.
  virtual void repeat_picture(uint64_t sequence, Timestamp capture_time) { count_frame(sequence, capture_time); }
  virtual void count_dropped(uint64_t frames) = 0;
  // What the sensor says of the frames that are only counted; delivered ones bring it along. For the camera's status.
  virtual void note_metadata(const FrameMetadata& metadata) { (void)metadata; }

  virtual void opened(const ipc::Opened& changed) = 0;            // the mode changed while running
  virtual void controls_changed(std::vector<Control> controls) = 0;
};

class Camera {
 public:
  virtual ~Camera() = default;

  // Takes the device and configures it (*try* semantics: the nearest mode; mode_note says what was adjusted and why).
  virtual Result<ipc::Opened> open(const CameraRequest& request) = 0;

  // Captures until `stop` is raised (then ok) or the camera fails. Blocks.
  virtual Result<void> run(FrameSink& sink, const StopSignal& stop) = 0;

  // For devices that come and go. When open() or run() failed with `not_found`, the runtime reports the camera as away and
  // calls this: it blocks until the device is back (true: open() is called again) or `stop` is raised. A driver that can't
  // tell returns false at once; then the worker ends, and the supervisor retries.
  virtual bool wait_for_device(const CameraRequest& request, const StopSignal& stop) {
    (void)request;
    (void)stop;
    return false;
  }

  virtual std::vector<Control> controls() const = 0;
  // Already checked against the schema (check_controls). All or nothing; the outcome has the values that the device took.
  virtual ControlOutcome set_controls(const ControlValues& wanted) = 0;
  virtual Result<void> reset_controls() = 0;

  // A fresh picture of the best quality, delivered to `done` once (any thread) as a Frame in JPEG or raw form. Cameras
  // that have nothing better than their stream return false and the runtime takes the next frame.
  using StillDone = std::function<void(Result<Frame>)>;
  virtual bool request_still(StillDone done) { (void)done; return false; }
};

// One device that a driver found (`camweave cameras`).
struct FoundCamera {
  std::string source;             // what to write as `source`
  std::string make, model, serial;
  std::vector<ipc::Mode> modes;
  std::vector<Control> controls;
  std::string problem;            // "": usable; else why not, naming the cure
  std::vector<std::string> devices{};  // its device nodes, where known: two drivers may find one camera
};

struct Driver {
  const char* name;  // "pattern": the program is camweave-capture-pattern
  std::unique_ptr<Camera> (*make)(const Clock& clock, Log& log);
  Result<std::vector<FoundCamera>> (*list)();  // nullptr: nothing to list. An error says why it can't look.
};

}  // namespace camweave
