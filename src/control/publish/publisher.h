// Publisher: every push of this server: those of the configuration and those that a client has switched on without an
// entry there. Remembers what users started and stopped, and answers /api/v1/publish. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "control/camera_control/streaming_switch.h"
#include "control/config/config.h"
#include "control/loop/task_loop.h"
#include "control/rest/api_route.h"
#include "control/state/state_file.h"
#include "sink/publish/push.h"

namespace camweave {

class Publisher final : public StreamingSwitch {
 public:
  struct Options {
    std::string state_directory;                  // "": what users switch ends with the server
    std::function<std::string()> default_camera;  // the configured one; "": the first
  };
  // Borrowed ones must outlive the loops, and the loops this. Reads the state file: call before serving.
  Publisher(IoLoops& loops, Cameras& cameras, std::shared_ptr<RtspSources> sources, Log& log, Options options);
  ~Publisher() override;

  // At the start and at each reload, when the cameras are known. Pushes whose entry did not change go on undisturbed.
  void configure(std::vector<PublishConfig> entries);

  std::vector<ApiRoute> routes();  // this must outlive the loops' requests
  std::string list_json() const;   // what GET /api/v1/publish answers

  struct Figures {
    uint64_t on = 0;
    uint64_t streaming = 0;
    uint64_t frames_sent = 0;  // these since each push was made
    uint64_t bytes_sent = 0;
    uint64_t frames_dropped = 0;
    uint64_t connections = 0;
  };
  Figures figures() const;  // over all pushes

  bool is_on(std::string_view camera) const override;
  Result<void> start(std::string_view camera) override;
  Result<void> stop(std::string_view camera) override;

  // Ends every push, with a TEARDOWN, within two seconds; none begins after it. While the loops run.
  void say_farewell();
  // Gives every answer that is still owed. While the loops exist, after they have stopped.
  void stop_writing() { writer_.stop(); }

 private:
  struct Entry {
    PublishConfig config;
    std::string camera;         // whose pictures it began with: the default camera may become another
    bool is_asked_for = false;  // by a client, without an entry in the configuration
    std::shared_ptr<Push> push;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  using Saved = std::function<void(Result<void>)>;

  void restore();
  Result<void> read_state(const nlohmann::json& document) REQUIRES(mutex_);
  nlohmann::json state() const REQUIRES(mutex_);
  void save(Saved done = {}) REQUIRES(mutex_);

  std::string camera_of(const PublishConfig& config) const;
  std::vector<Entry*> entries_of(std::string_view camera) REQUIRES(mutex_);
  std::shared_ptr<Push> make_push(const PublishConfig& config) REQUIRES(mutex_);
  bool should_run(const Entry& entry) const REQUIRES(mutex_);
  void replace(Entry& entry, PublishConfig config) REQUIRES(mutex_);
  void add_asked_for(std::string camera, std::string url) REQUIRES(mutex_);
  std::string free_target(std::string_view camera) const REQUIRES(mutex_);
  void switch_entry(Entry& entry, bool on) REQUIRES(mutex_);
  nlohmann::json entry_json(const Entry& entry) const;
  void answer_switch(const std::shared_ptr<HttpExchange>& exchange, bool on);

  // Constant after construction.
  IoLoops& loops_;
  Cameras& cameras_;
  const std::shared_ptr<RtspSources> sources_;
  Log& log_;
  const Options options_;
  const std::unique_ptr<StateFile> file_;

  mutable Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);
  std::map<std::string, bool, std::less<>> switched_ GUARDED_BY(mutex_);  // by users, of configured ones
  size_t next_loop_ GUARDED_BY(mutex_) = 0;
  bool is_closing_ GUARDED_BY(mutex_) = false;
  TaskLoop writer_;  // last: its tasks use the rest
};

}  // namespace camweave
