#include "control/rest/camera_routes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/config/camera_fields_json.h"
#include "control/rest/camera_json.h"
#include "sink/mjpeg/mjpeg_sink.h"
#include "sink/snapshot/snapshot_sink.h"
#include "sink/websocket/websocket_sink.h"

namespace camweave {
namespace {

using nlohmann::json;
using ExchangePtr = std::shared_ptr<HttpExchange>;

HttpResponse unknown_camera(std::string_view id) { return detail_response(404, fmt::format("no camera '{}'", id)); }

HttpResponse field_refusal(const FieldProblem& problem) {
  json loc{"body"};
  if (!problem.key.empty()) loc.push_back(problem.key);
  const json detail{{{"loc", std::move(loc)}, {"msg", problem.message}, {"type", "value_error"}}};
  return json_response(422, json_text({{"detail", detail}}));
}

void list_cameras(Supervisor& supervisor, const ExchangePtr& exchange) {
  json cameras = json::array();
  for (const CameraStatus& status : supervisor.list()) cameras.push_back(camera_json(status));
  exchange->respond(json_response(200, json_text({{"cameras", std::move(cameras)}})));
}

void show_camera(Supervisor& supervisor, const ExchangePtr& exchange, int status_code, std::string_view id) {
  const auto status = supervisor.find(id);
  exchange->respond(status ? json_response(status_code, json_text(camera_json(*status))) : unknown_camera(id));
}

void add_camera(Supervisor& supervisor, const ExchangePtr& exchange) {
  CameraConfig camera;
  const json body = json::parse(exchange->request().body, nullptr, false);
  if (const auto problem = set_camera_fields(body, camera)) return exchange->respond(field_refusal(*problem));
  if (camera.id.empty()) return exchange->respond(field_refusal({"id", "id is missing"}));
  if (camera.source.empty()) return exchange->respond(field_refusal({"source", "source is missing"}));
  const std::string id = camera.id;
  if (auto added = supervisor.add(std::move(camera)); !added) {
    const bool is_there = added.error().code == ErrorCode::busy;
    return exchange->respond(is_there ? detail_response(409, added.error().message) : error_response(added.error()));
  }
  show_camera(supervisor, exchange, 201, id);
}

void change_camera(Supervisor& supervisor, const ExchangePtr& exchange) {
  const std::string id(exchange->request().parameter("id"));
  auto camera = supervisor.config_of(id);
  if (!camera) return exchange->respond(unknown_camera(id));
  const json body = json::parse(exchange->request().body, nullptr, false);
  if (const auto problem = set_camera_fields(body, *camera)) return exchange->respond(field_refusal(*problem));
  if (camera->id != id) return exchange->respond(field_refusal({"id", "a camera's id can't be changed"}));
  if (auto changed = supervisor.change(*std::move(camera)); !changed) {
    return exchange->respond(error_response(changed.error()));
  }
  show_camera(supervisor, exchange, 200, id);
}

void remove_camera(Supervisor& supervisor, const ExchangePtr& exchange) {
  auto removed = supervisor.remove(exchange->request().parameter("id"));
  exchange->respond(removed ? HttpResponse{.status = 204} : error_response(removed.error()));
}

const std::vector<ApiParameter> rendition_query{{"size", "string", "WIDTHxHEIGHT, never above the camera's"},
                                                {"fps", "number", "frames a second, never above the camera's"},
                                                {"quality", "integer", "1 to 100"},
                                                {"rotate", "integer", "0, 90, 180 or 270 degrees clockwise"}};

std::vector<ApiParameter> snapshot_query() {
  auto query = rendition_query;
  query.push_back({"full", "boolean", "1: a fresh still of the best quality instead of the newest frame"});
  return query;
}

}  // namespace

std::vector<ApiRoute> camera_routes(Supervisor& supervisor) {
  Supervisor* const s = &supervisor;
  return {
      {.pattern = "/api/v1/cameras",
       .summary = "Every camera with its mode, renditions and health",
       .handler = [s](const ExchangePtr& exchange) { list_cameras(*s, exchange); }},
      {.method = HttpMethod::post,
       .pattern = "/api/v1/cameras",
       .summary = "Add a camera until the next start",
       .handler = [s](const ExchangePtr& exchange) { add_camera(*s, exchange); },
       .body = "The fields of [[camera]]: id and source at least",
       .statuses = {201, 400, 409, 422}},
      {.pattern = "/api/v1/cameras/{id}",
       .summary = "One camera",
       .handler = [s](const ExchangePtr& e) { show_camera(*s, e, 200, e->request().parameter("id")); },
       .statuses = {200, 404}},
      {.method = HttpMethod::patch,
       .pattern = "/api/v1/cameras/{id}",
       .summary = "Change a camera until the next start; others keep streaming",
       .handler = [s](const ExchangePtr& exchange) { change_camera(*s, exchange); },
       .body = "Those fields of [[camera]] that change",
       .statuses = {200, 404, 422}},
      {.method = HttpMethod::delete_,
       .pattern = "/api/v1/cameras/{id}",
       .summary = "Remove a camera until the next start",
       .handler = [s](const ExchangePtr& exchange) { remove_camera(*s, exchange); },
       .answers = "",
       .statuses = {204, 404}},
      {.pattern = "/api/v1/cameras/{id}/snapshot.jpg",
       .summary = "One picture",
       .handler = snapshot_handler(supervisor),
       .query = snapshot_query(),
       .answers = "image/jpeg",
       .statuses = {200, 404, 422, 503}},
      {.pattern = "/api/v1/cameras/{id}/stream.mjpg",
       .summary = "MJPEG; each part with Content-Length, X-Timestamp, X-Sequence, X-Exposure-Us and X-Gain",
       .handler = mjpeg_handler(supervisor),
       .query = rendition_query,
       .answers = "multipart/x-mixed-replace",
       .statuses = {200, 404, 422, 503}},
      {.pattern = "/api/v1/cameras/{id}/jpeg",
       .summary = "WebSocket: one binary message, one JPEG",
       .handler = websocket_jpeg_handler(supervisor),
       .kind = ApiRoute::Kind::websocket,
       .query = rendition_query,
       .answers = "",
       .statuses = {101, 404, 422, 426, 503}},
  };
}

}  // namespace camweave
