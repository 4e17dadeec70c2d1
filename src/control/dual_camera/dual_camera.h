// DualCamera: the dual-camera page's API: /ws/stream/{index}, /config, /health, /version. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "control/config/config.h"
#include "control/dual_camera/pair_config.h"
#include "control/loop/task_loop.h"
#include "control/rest/api_route.h"
#include "control/state/state_file.h"
#include "sink/websocket/websocket_sink.h"
#include "stream/cameras.h"

namespace camweave {

class DualCamera {
 public:
  struct Options {
    std::string state_directory;                             // "": settings end with the server
    std::function<void(const std::string& json)> on_config;  // after each change: the whole configuration
    std::function<std::string()> health_json;                // what GET /health answers; absent: {"status":"ok"}
  };
  // Borrowed ones must outlive the loops. Reads the state file: call before serving.
  DualCamera(Cameras& cameras, Log& log, Options options);

  std::vector<ApiRoute> routes();  // this must outlive the loops
  std::string config_json() const;

  // Gives every answer that is still owed. While the loops exist, after they have stopped.
  void stop() { writer_.stop(); }

 private:
  void restore();
  void post_config(const std::shared_ptr<HttpExchange>& exchange);
  void save(const PairConfig& config, std::function<void(Result<void>)> done);

  // Constant after construction.
  Cameras& cameras_;
  Log& log_;
  const Options options_;
  const std::unique_ptr<StateFile> file_;

  // Changes are applied, told and queued for saving under this lock: every stream, client and the file see the same
  // order.
  mutable Mutex mutex_;
  PairConfig config_ GUARDED_BY(mutex_);
  std::unique_ptr<IndexedStreams> streams_;
  TaskLoop writer_;  // last: its tasks use the rest
};

}  // namespace camweave
