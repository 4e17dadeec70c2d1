#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/rest/camera_json.h"
#include "control/rest/camera_routes.h"
#include "ipc/json.h"
#include "net/http_server.h"

namespace camweave {
namespace {

using nlohmann::json;
using ExchangePtr = std::shared_ptr<HttpExchange>;

HttpResponse controls_response(const std::vector<Control>& controls) {
  return json_response(200, json_text({{"controls", controls_json(controls)}}));
}

void show_controls(Supervisor& supervisor, const ExchangePtr& exchange) {
  const std::string_view id = exchange->request().parameter("id");
  if (const auto controls = supervisor.controls(id)) return exchange->respond(controls_response(*controls));
  const auto camera = supervisor.find(id);
  if (!camera) return exchange->respond(detail_response(404, fmt::format("no camera '{}'", id)));
  exchange->respond(detail_response(503, fmt::format("camera {} has not been open yet ({}): its controls are unknown",
                                                     id, to_string(camera->health.state))));
}

// The values that are no control values at all are refused one by one, as those that the schema refuses.
std::vector<ControlError> read_values(const json& body, ControlValues& values) {
  std::vector<ControlError> errors;
  for (const auto& [name, value] : body.items()) {
    auto read = ipc::control_value_from_json(value);
    if (read) values[name] = *std::move(read);
    if (!read) errors.push_back({name, name + " must be true, false, a number or an option's name", "wrong_type"});
  }
  return errors;
}

HttpResponse refusal(const std::vector<ControlError>& errors) {
  return json_response(422, json_text({{"detail", problems_json(errors)}}));
}

void set_controls(Supervisor& supervisor, const ExchangePtr& exchange) {
  const json body = json::parse(exchange->request().body, nullptr, false);
  if (!body.is_object())
    return exchange->respond(detail_response(400, "the body must be a JSON object of control values"));
  ControlValues values;
  if (auto errors = read_values(body, values); !errors.empty()) return exchange->respond(refusal(errors));
  supervisor.set_controls(
      exchange->request().parameter("id"), values, [exchange, values](const Result<ControlOutcome>& outcome) {
        if (!outcome) return exchange->respond(error_response(outcome.error()));
        if (!outcome->errors.empty()) return exchange->respond(refusal(outcome->errors));
        exchange->respond(json_response(200, json_text({{"controls", applied_json(values, *outcome)}})));
      });
}

void reset_controls(Supervisor& supervisor, const ExchangePtr& exchange) {
  supervisor.reset_controls(
      exchange->request().parameter("id"), [exchange](const Result<std::vector<Control>>& controls) {
        exchange->respond(controls ? controls_response(*controls) : error_response(controls.error()));
      });
}

}  // namespace

std::vector<ApiRoute> control_routes(Supervisor& supervisor) {
  Supervisor* const s = &supervisor;
  return {
      {.pattern = "/api/v1/cameras/{id}/controls",
       .summary = "The camera's controls: type, unit, range, options, value, and why one can't be set now",
       .handler = [s](const ExchangePtr& exchange) { show_controls(*s, exchange); },
       .statuses = {200, 404, 503}},
      {.method = HttpMethod::patch,
       .pattern = "/api/v1/cameras/{id}/controls",
       .summary = "Set several controls, all or nothing; answers with what the device took",
       .handler = [s](const ExchangePtr& exchange) { set_controls(*s, exchange); },
       .body = "Values by name",
       .statuses = {200, 400, 404, 422, 503}},
      {.method = HttpMethod::post,
       .pattern = "/api/v1/cameras/{id}/controls/reset",
       .summary = "Every control to its default; forgets what users set",
       .handler = [s](const ExchangePtr& exchange) { reset_controls(*s, exchange); },
       .statuses = {200, 404, 503}},
  };
}

}  // namespace camweave
