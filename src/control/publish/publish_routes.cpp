// /api/v1/publish and below, and the pushes' figures.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/publish/publisher.h"
#include "control/rest/camera_json.h"
#include "net/http_server.h"

namespace camweave {

using nlohmann::json;
using ExchangePtr = std::shared_ptr<HttpExchange>;

json Publisher::entry_json(const Entry& entry) const {
  const PushStatus status = entry.push->status();
  json shown{{"name", entry.config.name},
             {"camera", camera_of(entry.config)},
             {"target", entry.push->options().target.redacted},
             {"codec", to_string(entry.config.codec)},
             {"on", entry.push->is_on()},
             {"state", to_string(status.state)},
             {"since", format_iso8601(status.since)},
             {"last_error", status.last_error.empty() ? json() : json(status.last_error)},
             {"next_retry_s", nullptr},
             {"frames_sent", status.frames_sent},
             {"bytes_sent", status.bytes_sent},
             {"frames_dropped", status.frames_dropped},
             {"connections", status.connections}};
  if (status.next_retry) {
    const auto left = *status.next_retry - SystemClock().now();
    shown["next_retry_s"] = std::max(0.0, std::chrono::duration<double>(left).count());
  }
  return shown;
}

std::string Publisher::list_json() const {
  json list = json::array();
  MutexLock lock(mutex_);
  for (const auto& [name, entry] : entries_) list.push_back(entry_json(entry));
  return json_text({{"publish", std::move(list)}});
}

Publisher::Figures Publisher::figures() const {
  Figures all;
  MutexLock lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    const PushStatus status = entry.push->status();
    all.on += entry.push->is_on() ? 1 : 0;
    all.streaming += status.state == PushState::streaming ? 1 : 0;
    all.frames_sent += status.frames_sent;
    all.bytes_sent += status.bytes_sent;
    all.frames_dropped += status.frames_dropped;
    all.connections += status.connections;
  }
  return all;
}

// The answer promises that a restart won't undo it.
void Publisher::answer_switch(const ExchangePtr& exchange, bool on) {
  const std::string_view name = exchange->request().parameter("name");
  MutexLock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return exchange->respond(detail_response(404, fmt::format("no push '{}'", name)));
  if (is_closing_) return exchange->respond(detail_response(503, "the server is ending"));
  switch_entry(found->second, on);
  save([exchange, answer = json_text(entry_json(found->second))](const Result<void>& saved) {
    if (saved) return exchange->respond(json_response(200, answer));
    exchange->respond(detail_response(503, "done, but it can't be kept over a restart: " + saved.error().message));
  });
}

std::vector<ApiRoute> Publisher::routes() {
  return {
      {.pattern = "/api/v1/publish",
       .summary = "Each push: camera, target, state, last error, next retry, what was sent",
       .handler = [this](const ExchangePtr& exchange) { exchange->respond(json_response(200, list_json())); }},
      {.method = HttpMethod::post,
       .pattern = "/api/v1/publish/{name}/start",
       .summary = "Begin to push, and at each start of the server from now on; answers before the target does",
       .handler = [this](const ExchangePtr& exchange) { answer_switch(exchange, true); },
       .statuses = {200, 404, 503}},
      {.method = HttpMethod::post,
       .pattern = "/api/v1/publish/{name}/stop",
       .summary = "End a push, and don't begin it at the next start of the server",
       .handler = [this](const ExchangePtr& exchange) { answer_switch(exchange, false); },
       .statuses = {200, 404, 503}},
  };
}

}  // namespace camweave
