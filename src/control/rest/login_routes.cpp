#include "control/rest/login_routes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/rest/camera_json.h"
#include "net/http_server.h"

namespace camweave {
namespace {

using nlohmann::json;
using ExchangePtr = std::shared_ptr<HttpExchange>;

std::optional<std::string_view> session_token(const HttpRequest& request) {
  return cookie_value(request.header("Cookie"), Sessions::cookie_name(request.header("Host")));
}

// HttpOnly: no script can read it. SameSite=Strict: no other site's page can make the browser send it. Secure where the
// page came by HTTPS, through a proxy.
std::string cookie(const HttpRequest& request, std::string_view token, std::chrono::seconds max_age) {
  const bool is_secure = request.header("Origin").starts_with("https://");
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}",
                     Sessions::cookie_name(request.header("Host")), token, max_age.count(),
                     is_secure ? "; Secure" : "");
}

void show_login(const LoginParts& parts, const ExchangePtr& exchange) {
  const std::string key = parts.api_key();
  const auto token = session_token(exchange->request());
  const bool has_session = !key.empty() && token && parts.sessions->holds(*token);
  auto response = json_response(200, json_text({{"needed", !key.empty()}, {"logged_in", has_session}}));
  exchange->respond(response.with("Cache-Control", "no-store"));
}

void log_in(const LoginParts& parts, const ExchangePtr& exchange) {
  const HttpRequest& request = exchange->request();
  const std::string key = parts.api_key();
  if (key.empty())
    return exchange->respond(detail_response(409, "no API key is configured: there is nothing to log in to"));
  const json body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("key") || !body["key"].is_string())
    return exchange->respond(detail_response(422, "the body must be {\"key\": \"…\"}"));
  if (!parts.sessions->may_try(request.peer)) {
    auto refused = detail_response(429, "too many wrong keys: wait a minute");
    return exchange->respond(
        refused.with("Retry-After", std::to_string(std::chrono::seconds(Sessions::failure_window).count())));
  }
  if (!is_same_secret(body["key"].get_ref<const std::string&>(), key)) {
    parts.sessions->failed(request.peer);
    parts.log.limited(LogLevel::warning, "login", fmt::format("a wrong key from {}", request.peer.to_string()));
    return exchange->respond(detail_response(401, "this is not the API key"));
  }
  const auto token = parts.sessions->begin();
  if (!token) return exchange->respond(error_response(token.error()));
  parts.log.info("login", "{} logged in", request.peer.to_string());
  auto response = json_response(200, json_text({{"status", "ok"}}));
  exchange->respond(
      response.with("Set-Cookie", cookie(request, *token, Sessions::age_limit)).with("Cache-Control", "no-store"));
}

void log_out(const LoginParts& parts, const ExchangePtr& exchange) {
  const HttpRequest& request = exchange->request();
  if (const auto token = session_token(request)) parts.sessions->end(*token);
  auto response = json_response(200, json_text({{"status", "ok"}}));
  exchange->respond(response.with("Set-Cookie", cookie(request, "", std::chrono::seconds(0))));
}

}  // namespace

std::vector<ApiRoute> login_routes(const LoginParts& parts) {
  constexpr RouteOptions open_to_all{.max_body_bytes = 4096, .is_public = true};
  return {
      {.pattern = "/api/v1/login",
       .summary = "Whether the API key is needed, and whether this browser is logged in",
       .handler = [parts](const ExchangePtr& exchange) { show_login(parts, exchange); },
       .options = open_to_all},
      {.method = HttpMethod::post,
       .pattern = "/api/v1/login",
       .summary = "Log in: the API key for a session's cookie",
       .handler = [parts](const ExchangePtr& exchange) { log_in(parts, exchange); },
       .body = "{\"key\": the API key}",
       .statuses = {200, 401, 409, 422, 429},
       .options = open_to_all},
      {.method = HttpMethod::post,
       .pattern = "/api/v1/logout",
       .summary = "Log out: the session ends, the cookie goes",
       .handler = [parts](const ExchangePtr& exchange) { log_out(parts, exchange); },
       .options = open_to_all},
  };
}

}  // namespace camweave
