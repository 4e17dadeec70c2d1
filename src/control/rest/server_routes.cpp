#include "control/rest/server_routes.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "control/rest/camera_json.h"
#include "control/rest/metrics.h"
#include "net/http_server.h"

namespace camweave {
namespace {

using nlohmann::json;
using ExchangePtr = std::shared_ptr<HttpExchange>;

double uptime_s(const ServerParts& parts) {
  return std::chrono::duration<double>(parts.clock.now() - parts.started).count();
}

void show_server(const ServerParts& parts, const ExchangePtr& exchange) {
  json drivers = json::array();
  for (const DriverRow& row : driver_table()) {
    drivers.push_back({{"name", row.name}, {"what", row.what}, {"present", parts.programs.find(row).ok()}});
  }
  exchange->respond(json_response(200, json_text({{"name", "camweave"},
                                                  {"version", CAMWEAVE_VERSION},
                                                  {"uptime_s", uptime_s(parts)},
                                                  {"protected_mode", parts.is_protected()},
                                                  {"listeners", {{"http", parts.listeners()}}},
                                                  {"drivers", std::move(drivers)}})));
}

void show_logs(const ServerParts& parts, const ExchangePtr& exchange) {
  size_t limit = Log::kept_lines;
  if (const auto text = exchange->request().query_value("limit")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (error != std::errc() || end != text->data() + text->size()) {
      return exchange->respond(detail_response(422, "limit must be a whole number"));
    }
  }
  const std::vector<LogLine> lines = parts.log.recent();
  json list = json::array();
  for (size_t i = lines.size() > limit ? lines.size() - limit : 0; i < lines.size(); ++i) {
    list.push_back({{"time", format_iso8601(lines[i].time)},
                    {"level", to_string(lines[i].level)},
                    {"subject", lines[i].subject},
                    {"text", lines[i].text}});
  }
  exchange->respond(json_response(200, json_text({{"lines", std::move(list)}})));
}

void show_metrics(const ServerParts& parts, const ExchangePtr& exchange) {
  exchange->respond(text_response(200, metrics_text(parts.supervisor, parts.loops, uptime_s(parts), parts.figures ? parts.figures() : std::vector<ServerFigure>()),
                                  "text/plain; version=0.0.4; charset=utf-8"));
}

}  // namespace

std::vector<ApiRoute> server_routes(const ServerParts& parts) {
  const auto metrics = [parts](const ExchangePtr& exchange) { show_metrics(parts, exchange); };
  return {
      {.pattern = "/api/v1/server",
       .summary = "Version, uptime, listeners, protected mode, drivers",
       .handler = [parts](const ExchangePtr& exchange) { show_server(parts, exchange); }},
      {.pattern = "/api/v1/logs",
       .summary = "The last log lines, oldest first",
       .handler = [parts](const ExchangePtr& exchange) { show_logs(parts, exchange); },
       .query = {{"limit", "integer", "at most this many"}},
       .statuses = {200, 422}},
      {.pattern = "/api/v1/metrics", .summary = "Figures for Prometheus", .handler = metrics, .answers = "text/plain"},
      {.pattern = "/metrics",
       .summary = "The same where Prometheus looks",
       .handler = metrics,
       .answers = "text/plain"},
      {.pattern = "/api/v1/events",
       .summary = "Server-Sent Events: camera, camera_removed, health (every 2 s), controls, config",
       .handler = parts.events.handler(),
       .answers = "text/event-stream"},
  };
}

}  // namespace camweave
