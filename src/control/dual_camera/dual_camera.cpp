#include "control/dual_camera/dual_camera.h"

#include <nlohmann/json.hpp>

#include "control/rest/camera_json.h"
#include "net/http_server.h"

namespace camweave {
namespace {

using nlohmann::json;
using ExchangePtr = std::shared_ptr<HttpExchange>;

HttpResponse refusal_response(const PairConfigRefusal& refusal) {
  if (!refusal.out_of_range.empty()) return detail_response(400, refusal.out_of_range);
  json list = json::array();
  for (const auto& problem : refusal.problems) {
    json loc{"body"};
    for (const std::string& step : problem.loc) loc.push_back(step);
    list.push_back({{"loc", std::move(loc)}, {"msg", problem.message}, {"type", problem.type}});
  }
  return json_response(422, json_text({{"detail", std::move(list)}}));
}

}  // namespace

DualCamera::DualCamera(Cameras& cameras, Log& log, Options options)
    : cameras_(cameras),
      log_(log),
      options_(std::move(options)),
      file_(options_.state_directory.empty()
                ? nullptr
                : std::make_unique<StateFile>(options_.state_directory + "/dual_camera.json")) {
  if (file_) restore();
  MutexLock lock(mutex_);
  streams_ = std::make_unique<IndexedStreams>(cameras_, log_, rendition_of(config_));
  writer_.start();
}

void DualCamera::restore() {
  auto loaded = file_->load();
  std::string problem = loaded ? loaded->damage : loaded.error().message;
  if (loaded && !loaded->document.is_null()) {
    const auto request = parse_pair_config("application/json", loaded->document.dump());
    MutexLock lock(mutex_);
    if (request.ok()) config_ = request.config;
    if (!request.ok()) problem = file_->set_aside("holds no settings of the page");
  }
  if (!problem.empty()) log_.error("state", "{}", problem);
}

std::string DualCamera::config_json() const {
  MutexLock lock(mutex_);
  return to_json(config_).dump();
}

void DualCamera::post_config(const ExchangePtr& exchange) {
  const HttpRequest& sent = exchange->request();
  const auto request = parse_pair_config(sent.header("content-type"), sent.body);
  if (!request.ok()) return exchange->respond(refusal_response(request.refusal));
  const std::string answer = nlohmann::ordered_json{
      {"message", "Configuration updated successfully"},
      {"config",
       to_json(request.config)}}.dump();
  MutexLock lock(mutex_);
  config_ = request.config;
  streams_->switch_all(rendition_of(config_));
  if (options_.on_config) options_.on_config(to_json(config_).dump());
  // The answer promises that power loss won't undo it.
  save(config_, [exchange, answer, &log = log_](const Result<void>& saved) {
    if (saved) return exchange->respond(json_response(200, answer));
    log.error("state", "{}", saved.error().message);
    exchange->respond(detail_response(503, "the settings are in use but can't be kept: " + saved.error().message));
  });
}

void DualCamera::save(const PairConfig& config, std::function<void(Result<void>)> done) {
  writer_.post([this, document = json(to_json(config)), done = std::move(done)] {
    done(file_ ? file_->save(document) : Result<void>());
  });
}

std::vector<ApiRoute> DualCamera::routes() {
  return {
      {.pattern = "/ws/stream/{index}",
       .summary = "WebSocket: the pictures of the camera with this index, one binary message each, as /config says",
       .handler = streams_->handler(),
       .kind = ApiRoute::Kind::websocket,
       .answers = "",
       .statuses = {101, 404, 426, 503}},
      {.pattern = "/config",
       .summary = "The dual-camera page's settings",
       .handler = [this](const ExchangePtr& exchange) { exchange->respond(json_response(200, config_json())); }},
      {.method = HttpMethod::post,
       .pattern = "/config",
       .summary = "Change them: applies to every open stream at once and survives power loss",
       .handler = [this](const ExchangePtr& exchange) { post_config(exchange); },
       .body = "What GET answers; also as multipart/form-data or application/x-www-form-urlencoded",
       .statuses = {200, 400, 422, 503}},
      {.pattern = "/health",
       .summary = "Alive",
       .handler =
           [this](const ExchangePtr& exchange) {
             const std::string answer = options_.health_json ? options_.health_json() : R"({"status":"ok"})";
             exchange->respond(json_response(200, answer));
           }},
      {.pattern = "/version",
       .summary = "The page's API version",
       .handler =
           [](const ExchangePtr& exchange) {
             exchange->respond(json_response(200, R"({"project":"camera","mode":"V1"})"));
           }},
  };
}

}  // namespace camweave
