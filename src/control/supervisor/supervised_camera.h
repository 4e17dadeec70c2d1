// SupervisedCamera: one camera's whole policy: when its worker runs, is stopped, has stalled and is tried again; what
// is wanted of it; what is known of it. It touches no device and never blocks.
//
// Not thread-safe: the supervisor's lock guards it. What says "control thread" sends messages and starts processes and
// is called there alone. What others are to be told goes into Effects, and out when the lock is free.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/retry_policy.h"
#include "control/config/config.h"
#include "control/loop/task_loop.h"
#include "control/supervisor/driver_table.h"
#include "control/supervisor/frame_rate.h"
#include "control/supervisor/ingest.h"
#include "control/supervisor/keyframe_pacer.h"
#include "control/supervisor/rendition_table.h"
#include "control/supervisor/saved_controls.h"
#include "media/source_uri.h"
#include "stream/cameras.h"

namespace camweave {

// Events and answers to callers, for when the lock is free.
struct Effects {
  std::vector<CameraEvent> events;
  std::vector<std::function<void()>> answers;
};

// What every camera uses. All outlive them.
struct SupervisorParts {
  const Clock& clock;
  Log& log;
  const WorkerPrograms& programs;
  SavedControls& saved_controls;
  Effects& effects;
  std::shared_ptr<PacketMemory> memory;
  std::function<double()> chance;
  std::function<void(std::shared_ptr<WorkerRun>)> watch_run;                             // Ingest::add
  std::function<void(const std::string& id)> post_renditions;                            // any thread
  std::function<void(const std::string& id, const Rendition& rendition)> post_keyframe;  // any thread
};

class SupervisedCamera {
 public:
  using ControlsDone = std::function<void(Result<ControlOutcome>)>;
  using ResetDone = std::function<void(Result<std::vector<Control>>)>;
  using StillDone = std::function<void(Result<PacketPtr>)>;

  SupervisedCamera(SupervisorParts& parts, CameraConfig config);

  const CameraConfig& config() const { return config_; }
  CameraStatus status(size_t index) const;
  const std::optional<std::vector<Control>>& controls() const { return controls_; }
  Result<std::shared_ptr<Stream>> open(const Rendition& rendition);
  bool runs(const WorkerRun& run) const { return run_.get() == &run; }
  bool has_process() const { return run_ != nullptr; }

  // ---- control thread ----

  void begin();
  // A new configuration with the same id; the worker is restarted only where it must be.
  void change(CameraConfig config);
  // Ends the worker; streams are closed. Call run_due() until has_process() is false.
  void end(const std::string& reason);

  void send_renditions();
  // Errors as RenditionTable::set_bitrate(), and `unsupported` for what passes through.
  Result<void> set_bitrate(uint32_t rendition_id, int bitrate_kbps);
  void request_keyframe(const Rendition& rendition);
  void set_controls(ControlValues values, ControlsDone done);
  void reset_controls(ResetDone done);
  void still(int quality, StillDone done);

  void on_message(const ipc::Message& message);
  void on_first_frame();
  void on_still(uint32_t request_id, Result<PacketPtr> still);
  void on_broken(const Error& error);
  void on_exit(int wait_status);

  // take_changed(): true once after each change of what status() answers, health figures apart.
  void mark_changed() { is_changed_ = true; }
  bool take_changed() { return std::exchange(is_changed_, false); }

  void run_due(Timestamp now);
  Timestamp next_due() const;  // Timestamp::max(): nothing

 private:
  struct Request {
    Timestamp deadline;
    ControlValues values;  // of a set
    ControlsDone controls_done;
    ResetDone reset_done;
    StillDone still_done;
  };
  struct Stall {
    Timestamp at;
    const char* why;
  };

  enum class Needs { nothing, restart };
  Needs take_config(CameraConfig config);
  void start_worker();
  Result<void> try_start_worker();
  ipc::Start start_message() const;
  void stop_worker();
  void kill_worker(CameraState state, std::string why);
  void escalate_stop(Timestamp now);
  void failed(CameraState state, std::string why);
  void set_state(CameraState state);
  void note_error(std::string error);
  void changed() { is_changed_ = true; }

  void on(const ipc::Hello& hello);
  void on(const ipc::Opened& opened);
  void on(const ipc::ControlsChanged& changed);
  void on(const ipc::Reply& reply);
  void on(const ipc::Status& status);
  void on(const ipc::RenditionFailed& failed);
  void on(const ipc::Failed& failed);
  template <typename Other>
  void on(const Other&) {}  // the server's own messages: ingest lets none through

  void pictures_come();
  void update_controls(const std::vector<Control>& controls);
  void follow_device(const std::string& identity);
  bool captures_now() const;
  std::vector<RenditionStatus> renditions() const;
  std::optional<FrameMetadata> newest_metadata(Timestamp now) const;
  Stall next_stall() const;
  void send(const ipc::Message& message);

  Result<uint32_t> begin_request(Request request);
  void answer(Request request, const ipc::Reply& reply);
  void fail(Request request, const Error& error);
  void fail_requests(const Error& error);
  Error unavailable() const;

  // Constant after construction.
  SupervisorParts& parts_;

  CameraConfig config_;
  SourceUri source_;
  std::string source_error_;  // not empty: it can't ever start
  const DriverRow* driver_ = nullptr;
  bool shall_run_ = false;

  // The worker of now.
  std::shared_ptr<WorkerRun> run_;
  Timestamp started_{};
  std::optional<Timestamp> hello_at_, opened_at_, hung_up_at_, stopping_since_, killed_at_;
  Timestamp heard_{};         // the newest message that was no frame
  Timestamp wanted_since_{};  // the newest stream was opened
  bool is_away_ = false;
  Timestamp away_since_{};  // it went or came back
  Timestamp gone_since_{};  // it went: older frames are of before
  std::optional<ipc::Failed> last_words_;
  std::string why_killed_;
  CameraState state_when_killed_ = CameraState::failed;
  ipc::Status last_status_;
  uint32_t next_request_id_ = 1;
  std::map<uint32_t, Request> requests_;
  std::string device_;  // saved controls' key

  // Over all workers.
  CameraState state_ = CameraState::disabled;
  bool is_changed_ = true;
  std::string last_error_;
  uint64_t restarts_ = 0;  // workers started after a failure
  uint64_t dropped_before_ = 0;
  uint64_t next_sequence_ = 0;
  int64_t newest_frame_ns_ = 0;
  std::optional<Timestamp> retry_at_;
  RetryPolicy retry_;
  FrameRate rate_;
  ipc::Opened known_;  // from the last time it was open
  std::optional<std::vector<Control>> controls_;
  RenditionTable renditions_;
  KeyframePacer keyframes_;
};

}  // namespace camweave
