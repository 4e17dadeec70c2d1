// The renditions that a camera makes now, what makes them, and their bitrate.
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "control/rest/camera_json.h"
#include "control/rest/camera_routes.h"
#include "net/http_server.h"

namespace camweave {
namespace {

using nlohmann::json;
using ExchangePtr = std::shared_ptr<HttpExchange>;

constexpr int64_t least_kbps = 50, most_kbps = 200'000;

HttpResponse rendition_of(const CameraStatus& camera, uint32_t id) {
  for (const RenditionStatus& rendition : camera.renditions) {
    if (rendition.id == id) return json_response(200, json_text(rendition_json(rendition)));
  }
  return detail_response(404, fmt::format("camera {} makes no rendition {} now", camera.id, id));
}

void list_renditions(Supervisor& supervisor, const ExchangePtr& exchange) {
  const std::string_view id = exchange->request().parameter("id");
  const auto camera = supervisor.find(id);
  if (!camera) return exchange->respond(detail_response(404, fmt::format("no camera '{}'", id)));
  json list = json::array();
  for (const RenditionStatus& rendition : camera->renditions) list.push_back(rendition_json(rendition));
  exchange->respond(json_response(200, json_text({{"renditions", std::move(list)}})));
}

uint32_t rendition_id(const ExchangePtr& exchange) {
  const std::string_view text = exchange->request().parameter("rendition");
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() ? id : 0;
}

HttpResponse bad_bitrate(const char* what) {
  const json problem{{"loc", {"body", "bitrate_kbps"}}, {"msg", what}, {"type", "value_error"}};
  return json_response(422, json_text({{"detail", json::array({problem})}}));
}

void set_bitrate(Supervisor& supervisor, const ExchangePtr& exchange) {
  const json body = json::parse(exchange->request().body, nullptr, false);
  if (!body.is_object()) return exchange->respond(detail_response(400, "the body must be a JSON object"));
  const auto wanted = body.find("bitrate_kbps");
  if (wanted == body.end()) return exchange->respond(bad_bitrate("bitrate_kbps is missing"));
  if (body.size() > 1) return exchange->respond(bad_bitrate("nothing but bitrate_kbps can be changed"));
  const bool is_number = wanted->is_number_integer();
  if (!is_number || wanted->get<int64_t>() < least_kbps || wanted->get<int64_t>() > most_kbps) {
    return exchange->respond(bad_bitrate("bitrate_kbps must be a whole number from 50 to 200000"));
  }
  const std::string camera(exchange->request().parameter("id"));
  const uint32_t id = rendition_id(exchange);
  supervisor.set_bitrate(camera, id, wanted->get<int>(), [&supervisor, exchange, camera, id](const Result<void>& set) {
    if (!set) return exchange->respond(error_response(set.error()));
    const auto status = supervisor.find(camera);
    exchange->respond(status ? rendition_of(*status, id) : detail_response(404, "the camera was removed"));
  });
}

}  // namespace

std::vector<ApiRoute> rendition_routes(Supervisor& supervisor) {
  Supervisor* const s = &supervisor;
  return {
      {.pattern = "/api/v1/cameras/{id}/renditions",
       .summary = "What the camera makes now, and by which encoder",
       .handler = [s](const ExchangePtr& exchange) { list_renditions(*s, exchange); },
       .statuses = {200, 404}},
      {.method = HttpMethod::patch,
       .pattern = "/api/v1/cameras/{id}/renditions/{rendition}",
       .summary = "Another bitrate from the next picture on, without a new stream; holds until the server ends",
       .handler = [s](const ExchangePtr& exchange) { set_bitrate(*s, exchange); },
       .body = "{\"bitrate_kbps\": 50 to 200000}",
       .statuses = {200, 400, 404, 422, 503}},
  };
}

}  // namespace camweave
