#include "control/camera_control/camera_control.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "control/camera_control/exposure_limits.h"

namespace camweave {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

double rounded(double value, double steps) { return std::round(value * steps) / steps; }
std::string text_of(const auto& document) { return document.dump(-1, ' ', false, json::error_handler_t::replace); }

// Why a camera answers nothing and takes nothing now; "": it does.
std::string why_away(const CameraStatus& camera) {
  switch (camera.health.state) {
    case CameraState::starting:
    case CameraState::streaming:
      return "";
    case CameraState::stalled:
    case CameraState::failed:
    case CameraState::away:
    case CameraState::disabled:
      break;
  }
  const std::string& why = camera.health.last_error;
  return fmt::format("camera {} is {}{}", camera.id, to_string(camera.health.state), why.empty() ? "" : ": " + why);
}

ordered_json known(double value, double steps) { return value > 0 ? ordered_json(rounded(value, steps)) : nullptr; }

ordered_json status_json(const CameraStatus& camera, const std::optional<std::vector<Control>>& controls) {
  const FrameMetadata sensor = camera.sensor.value_or(FrameMetadata{});
  ordered_json automatic;
  if (controls) {
    const Control* control = find_control(*controls, "auto_exposure");
    if (const bool* on = control ? std::get_if<bool>(&control->value) : nullptr) automatic = *on;
  }
  return {{"lux", known(sensor.lux, 100)},
          {"exposure_us", sensor.exposure_us ? ordered_json(sensor.exposure_us) : nullptr},
          {"analogue_gain", known(sensor.gain, 1000)},
          {"colour_temperature", known(sensor.colour_temperature_k, 10)},
          {"auto_exposure", std::move(automatic)}};
}

}  // namespace

std::string CameraControl::default_id() const {
  if (std::string chosen = options_.default_camera ? options_.default_camera() : ""; !chosen.empty()) return chosen;
  return cameras_.id_at(0).value_or("");
}

std::optional<CameraStatus> CameraControl::camera_of(const ExchangePtr& exchange) const {
  const auto asked = exchange->request().query_value("camera");
  const std::string id = asked ? std::string(*asked) : default_id();
  auto camera = cameras_.find(id);
  if (!camera) {
    const bool is_any = !id.empty() || asked;
    exchange->respond(detail_response(404, is_any ? fmt::format("no camera '{}'", id) : "no camera is here"));
  }
  return camera;
}

bool CameraControl::is_streaming(std::string_view camera) const {
  return options_.streaming && options_.streaming->is_on(camera);
}

std::string CameraControl::health_json() const {
  const std::string id = default_id();
  const bool is_here = cameras_.find(id).has_value();
  return text_of(ordered_json{{"status", "healthy"},
                              {"camera_configured", is_here},
                              {"streaming_active", is_here && is_streaming(id)},
                              {"version", "1.0.0"}});
}

void CameraControl::show_status(const ExchangePtr& exchange) const {
  const auto camera = camera_of(exchange);
  if (!camera) return;
  if (const std::string why = why_away(*camera); !why.empty()) return exchange->respond(detail_response(503, why));
  ordered_json status = status_json(*camera, cameras_.controls(camera->id));
  status["streaming"] = is_streaming(camera->id);
  exchange->respond(json_response(200, text_of(status)));
}

namespace {

// A value that can't be: the older version says 400, the later 422.
HttpResponse refusal(bool is_v1, const std::string& line) { return detail_response(is_v1 ? 422 : 400, line); }

HttpResponse refusal(bool is_v1, const std::vector<BodyProblem>& problems) {
  return is_v1 ? json_response(422, text_of(fastapi_detail(problems))) : detail_response(400, problems.front().line);
}

HttpResponse never_open(const CameraStatus& camera) {
  return detail_response(
      503, fmt::format("camera {} has not been open yet: it is {}", camera.id, to_string(camera.health.state)));
}

}  // namespace

void CameraControl::apply(const ExchangePtr& exchange, Version version, std::string_view camera, ControlValues values,
                          std::string answer) {
  const bool is_v1 = version == Version::v1;
  cameras_.set_controls(
      camera, std::move(values), [exchange, is_v1, answer = std::move(answer)](const Result<ControlOutcome>& outcome) {
        if (!outcome) {
          const bool is_refused =
              outcome.error().code == ErrorCode::unsupported || outcome.error().code == ErrorCode::invalid_argument;
          return exchange->respond(is_refused ? refusal(is_v1, outcome.error().message)
                                              : error_response(outcome.error()));
        }
        if (!outcome->errors.empty()) {
          return exchange->respond(refusal(is_v1, outcome->errors.front().message));
        }
        exchange->respond(json_response(200, answer));
      });
}

void CameraControl::set_switch(const ExchangePtr& exchange, Version version, const char* control,
                               const char* answer_field) {
  const auto camera = camera_of(exchange);
  if (!camera) return;
  const auto body = parse_switch_body(exchange->request().body);
  if (!body.problems.empty()) return exchange->respond(refusal(version == Version::v1, body.problems));
  if (const std::string why = why_away(*camera); !why.empty()) return exchange->respond(detail_response(503, why));
  apply(exchange, version, camera->id, {{control, body.values}},
        text_of(ordered_json{{"status", "ok"}, {answer_field, body.values}}));
}

void CameraControl::set_exposure(const ExchangePtr& exchange, Version version) {
  const bool is_v1 = version == Version::v1;
  const auto camera = camera_of(exchange);
  if (!camera) return;
  const auto body = parse_exposure_body(exchange->request().body);
  if (!body.problems.empty()) return exchange->respond(refusal(is_v1, body.problems));
  if (!is_v1) {
    if (const std::string line = not_positive(body.values); !line.empty())
      return exchange->respond(detail_response(400, line));
  }
  if (const std::string why = why_away(*camera); !why.empty()) return exchange->respond(detail_response(503, why));
  const auto controls = cameras_.controls(camera->id);
  if (!controls) return exchange->respond(never_open(*camera));
  const auto limits = exposure_limits(*controls);
  if (!limits) return exchange->respond(refusal(is_v1, limits.error().message));
  if (is_v1) {
    if (const std::string line = beyond_limits(body.values, *limits); !line.empty())
      return exchange->respond(detail_response(422, line));
  }
  const ManualExposure wanted = is_v1 ? body.values : clamped(body.values, *limits);
  auto values = exposure_values(wanted, *controls);
  if (!values) return exchange->respond(refusal(is_v1, values.error().message));
  apply(exchange, version, camera->id, *std::move(values),
        text_of(
            ordered_json{{"status", "ok"}, {"exposure_us", wanted.exposure_us}, {"gain", wanted.gain.value_or(1.0)}}));
}

void CameraControl::switch_streaming(const ExchangePtr& exchange, bool on) {
  const auto camera = camera_of(exchange);
  if (!camera) return;
  if (!options_.streaming) return exchange->respond(detail_response(503, "this server pushes no stream"));
  if (on) {
    if (const std::string why = why_away(*camera); !why.empty()) return exchange->respond(detail_response(503, why));
  }
  const auto switched = on ? options_.streaming->start(camera->id) : options_.streaming->stop(camera->id);
  if (!switched) return exchange->respond(error_response(switched.error()));
  exchange->respond(json_response(200, text_of(ordered_json{{"status", "ok"}, {"streaming", on}})));
}

std::vector<ApiRoute> CameraControl::routes() {
  const std::vector<ApiParameter> camera{{"camera", "string", "another camera than the default one, by id"}};
  constexpr const char* enabled = R"({"enabled": true or false})";
  constexpr const char* exposure = R"({"exposure_us": whole number, "gain": number, 1.0 where left out})";
  std::vector<ApiRoute> routes;
  const auto post = [&](const char* pattern, const char* summary, const char* body, std::vector<int> statuses,
                        HttpHandler handler) {
    routes.push_back({.method = HttpMethod::post,
                      .pattern = pattern,
                      .summary = summary,
                      .handler = std::move(handler),
                      .query = camera,
                      .body = body,
                      .statuses = std::move(statuses),
                      .options = {.max_body_bytes = max_control_body_bytes}});
  };
  const auto add = [&](Version version, std::array<const char*, 6> patterns) {
    const std::vector<int> refusals{200, version == Version::v1 ? 422 : 400, 401, 404, 503};
    routes.push_back({.pattern = patterns[0],
                      .summary = "The camera's light, exposure, gain, colour temperature and push; unknown ones null",
                      .handler = [this](const ExchangePtr& exchange) { show_status(exchange); },
                      .query = camera,
                      .statuses = {200, 401, 404, 503}});
    post(patterns[1], "Automatic exposure on or off", enabled, refusals, [this, version](const ExchangePtr& exchange) {
      set_switch(exchange, version, "auto_exposure", "auto_exposure");
    });
    post(patterns[2], "A fixed exposure; the automatic is switched off", exposure, refusals,
         [this, version](const ExchangePtr& exchange) { set_exposure(exchange, version); });
    post(patterns[3], "Automatic white balance on or off", enabled, refusals,
         [this, version](const ExchangePtr& exchange) {
           set_switch(exchange, version, "auto_white_balance", "awb_enabled");
         });
    post(patterns[4], "Begin to push the camera's stream by RTSP", nullptr, {200, 401, 404, 503},
         [this](const ExchangePtr& exchange) { switch_streaming(exchange, true); });
    post(patterns[5], "Stop pushing it", nullptr, {200, 401, 404, 503},
         [this](const ExchangePtr& exchange) { switch_streaming(exchange, false); });
  };
  add(Version::first, {"/camera/status", "/camera/auto_exposure", "/camera/manual_exposure", "/camera/awb",
                       "/streaming/start", "/streaming/stop"});
  add(Version::v1, {"/v1/camera/status", "/v1/camera/auto_exposure", "/v1/camera/manual_exposure", "/v1/camera/awb",
                    "/v1/streaming/start", "/v1/streaming/stop"});
  return routes;
}

}  // namespace camweave
