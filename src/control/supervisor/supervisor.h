// Supervisor: owns every camera's worker and every retry in the system; what sinks and the REST API see of it is
// Cameras.
//
// Threads: the control thread (policy, processes, events, answers) and the ingest thread (packets) are its own.
// Everything public is thread-safe. Answers and events are called on the control thread without any lock.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "control/config/config.h"
#include "control/loop/task_loop.h"
#include "control/state/state_file.h"
#include "control/supervisor/ingest.h"
#include "control/supervisor/supervised_camera.h"
#include "stream/cameras.h"

namespace camweave {

class Supervisor final : public Cameras, private IngestListener {
 public:
  struct Options {
    WorkerPrograms programs = WorkerPrograms::beside_this_program();
    std::string state_directory;     // "": nothing is kept
    size_t packet_memory_bytes = 0;  // 0: by the machine's memory
  };
  struct Figures {
    size_t packet_memory_bytes = 0;  // of frames alive now
    uint64_t workers_that_broke_a_rule = 0;
  };

  // Borrowed ones must outlive it.
  static Result<std::unique_ptr<Supervisor>> start(const Clock& clock, Log& log, Options options);
  ~Supervisor() override;  // shut_down()

  // The configured cameras, at start and at each reload: adds, changes and removes what differs from the last time.
  // Those that did not change keep streaming; those that were added at run time stay.
  void configure(std::vector<CameraConfig> cameras);

  // Ends every worker, within 4 s at the latest. Blocks; not from the control thread. Nothing starts again.
  void shut_down();

  // shut_down(), then gives every answer that is still owed and ends the threads.
  void stop();

  // The control thread's queue: for what else belongs there.
  const std::shared_ptr<TaskQueue>& control_queue() const { return loop_.queue(); }
  // Calls back from the ingest thread, then the control thread: the watchdog's proof that both move.
  void ping(std::function<void()> answer);
  Figures figures() const;
  // As it runs now, changes at run time included. May hold a secret in its source.
  std::optional<CameraConfig> config_of(std::string_view id) const;
  // Of a rendition that is being made, without a new stream; holds for later readers of the same until the server ends.
  // Answers once, on the control thread; `not_found`, `unsupported` or `exhausted` with the reason.
  void set_bitrate(std::string_view id, uint32_t rendition_id, int bitrate_kbps,
                   std::function<void(Result<void>)> done);

  std::vector<CameraStatus> list() const override;
  std::optional<CameraStatus> find(std::string_view id) const override;
  std::optional<std::string> id_at(size_t index) const override;
  Result<std::shared_ptr<Stream>> open(std::string_view id, const Rendition& rendition) override;
  std::optional<std::vector<Control>> controls(std::string_view id) const override;
  void set_controls(std::string_view id, ControlValues values,
                    std::function<void(Result<ControlOutcome>)> done) override;
  void reset_controls(std::string_view id, std::function<void(Result<std::vector<Control>>)> done) override;
  void still(std::string_view id, int quality, std::function<void(Result<PacketPtr>)> done) override;
  Result<void> add(CameraRequestToAdd camera) override;
  Result<void> change(CameraRequestToAdd camera) override;
  Result<void> remove(std::string_view id) override;
  std::shared_ptr<void> subscribe(std::function<void(const CameraEvent&)> on_event) override;

 private:
  using OnEvent = std::function<void(const CameraEvent&)>;
  using CameraPtr = std::unique_ptr<SupervisedCamera>;

  Supervisor(const Clock& clock, Log& log, Options options, std::shared_ptr<PacketMemory> memory);
  Result<void> restore_state();

  void on_message(const std::shared_ptr<WorkerRun>& run, ipc::Message message) override;
  void on_first_frame(const std::shared_ptr<WorkerRun>& run) override;
  void on_still(const std::shared_ptr<WorkerRun>& run, uint32_t request_id, Result<PacketPtr> still) override;
  void on_broken(const std::shared_ptr<WorkerRun>& run, Error error) override;
  void on_exit(const std::shared_ptr<WorkerRun>& run, int wait_status) override;

  // Runs `act` on the control thread with the camera that this run belongs to, if it is still its run.
  void with_run(std::shared_ptr<WorkerRun> run, std::function<void(SupervisedCamera&)> act);
  // The same for a camera by its id; `missing` when there is none.
  void with_camera(std::string_view id, std::function<void(SupervisedCamera&)> act,
                   std::function<void(Error)> missing = {});

  Timestamp run_due();
  void tell();
  SupervisedCamera* camera(std::string_view id) const REQUIRES(mutex_);
  size_t index_of(std::string_view id) const REQUIRES(mutex_);
  void add_locked(CameraConfig config) REQUIRES(mutex_);
  void remove_locked(std::string_view id) REQUIRES(mutex_);
  void order_as(const std::vector<CameraConfig>& configured) REQUIRES(mutex_);
  bool all_ended() const REQUIRES(mutex_);

  // Constant after construction.
  const Clock& clock_;
  Log& log_;
  const Options options_;
  const std::shared_ptr<PacketMemory> memory_;
  const std::unique_ptr<StateFile> state_file_;

  mutable Mutex mutex_;
  CondVar ended_;
  Effects effects_ GUARDED_BY(mutex_);
  SavedControls saved_controls_ GUARDED_BY(mutex_);
  std::vector<CameraPtr> cameras_ GUARDED_BY(mutex_);  // by index
  std::vector<CameraPtr> leaving_ GUARDED_BY(mutex_);  // removed; their workers are ending
  std::vector<CameraConfig> configured_ GUARDED_BY(mutex_);
  bool is_shut_down_ GUARDED_BY(mutex_) = false;
  uint64_t rules_broken_ GUARDED_BY(mutex_) = 0;

  mutable Mutex subscribers_mutex_;
  std::vector<std::weak_ptr<OnEvent>> subscribers_ GUARDED_BY(subscribers_mutex_);

  TaskLoop writer_;  // state files: may block on a disk
  TaskLoop loop_;    // the control thread
  SupervisorParts parts_;
  std::unique_ptr<Ingest> ingest_;  // the ingest thread
};

}  // namespace camweave
