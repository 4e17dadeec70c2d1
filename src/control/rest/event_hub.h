// EventHub: GET /api/v1/events. A client gets every camera's state when it connects, then what changes, and the health
// of all every 2 s (also a sign of life). Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "net/sse.h"
#include "stream/cameras.h"

namespace camweave {

class EventHub {
 public:
  static constexpr std::chrono::seconds health_interval{2};

  explicit EventHub(Cameras& cameras);  // borrowed; must outlive it

  HttpHandler handler();
  // Greets the client with what is, then tells it what changes: in this order, also of what changes meanwhile.
  void join(const std::shared_ptr<EventStream>& client);

  // To every client; `state` in start_with() instead, when new clients are to get it at first, too.
  void send(std::string_view event, const std::string& data);
  // What a new client gets besides the cameras: (event, data) pairs. Before the first client.
  using State = std::function<std::vector<std::pair<std::string, std::string>>()>;
  void start_with(State state) { state_ = std::move(state); }

  // Every health_interval, by the owner's clock.
  void send_health();

 private:
  struct Client {
    std::shared_ptr<EventStream> stream;
    // Until it is greeted, what changes waits here: the greeting may be older.
    bool is_greeted = false;
    std::vector<std::pair<std::string, std::string>> held;
  };

  void on_event(const CameraEvent& event);
  void greet(EventStream& client);

  Cameras& cameras_;
  State state_;
  Mutex mutex_;
  std::vector<Client> clients_ GUARDED_BY(mutex_);
  std::shared_ptr<void> subscription_;  // last: no event comes before the rest is there
};

}  // namespace camweave
