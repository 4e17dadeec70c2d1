#include "net/access.h"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace camweave {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

std::string own_host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

// "name:8000" → "name"; "[::1]:8000" → "[::1]".
std::string_view without_port(std::string_view host) {
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return host;
  return host.substr(0, colon);
}

// An origin's "scheme://host[:port]" as Host would write it: without the scheme and its default port.
std::string origin_as_host(std::string_view origin) {
  std::string text = lower(origin);
  for (const auto& [scheme, port] : {std::pair{"http://", ":80"}, std::pair{"https://", ":443"}}) {
    if (!text.starts_with(scheme)) continue;
    text.erase(0, std::string_view(scheme).size());
    if (text.ends_with(port)) text.resize(text.size() - std::string_view(port).size());
    return text;
  }
  return {};
}

std::string without_default_port(std::string_view host) {
  std::string text = lower(host);
  for (const std::string_view port : {":80", ":443"}) {
    if (text.ends_with(port)) text.resize(text.size() - port.size());
  }
  return text;
}

bool is_under(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

bool changes_something(const HttpRequest& request, const RouteOptions& route) {
  switch (request.method) {
    case HttpMethod::get:
    case HttpMethod::head:
      return route.changes_state || request.is_websocket;
    case HttpMethod::options:
      return false;
    case HttpMethod::post:
    case HttpMethod::put:
    case HttpMethod::patch:
    case HttpMethod::delete_:
      return true;
  }
  return true;
}

AccessOptions completed(AccessOptions options) {
  if (options.host_name.empty()) options.host_name = own_host_name();
  options.host_name = lower(options.host_name);
  for (std::string& host : options.allowed_hosts) host = lower(host);
  for (std::string& origin : options.allowed_origins) origin = lower(origin);
  return options;
}

}  // namespace

Access::Access(AccessOptions options) : options_(completed(std::move(options))) {}

std::optional<HttpResponse> Access::refusal(const HttpRequest& request, const RouteOptions& route) const {
  if (auto refused = refuse_peer(request, route)) return refused;
  if (auto refused = refuse_host(request)) return refused;
  if (auto refused = refuse_origin(request, route)) return refused;
  if (!route.is_public && needs_key(request) && !has_key(request)) {
    auto refused = detail_response(401, "Invalid or missing API key");
    refused.with("WWW-Authenticate", "ApiKey");
    return refused;
  }
  return std::nullopt;
}

std::optional<HttpResponse> Access::refuse_peer(const HttpRequest& request, const RouteOptions& route) const {
  if (request.peer.is_loopback() || request.peer.is_private()) return std::nullopt;
  if (!options_.api_key.empty() && (route.is_public || needs_key(request) || has_key(request))) return std::nullopt;
  const std::string who = request.peer.to_string();
  if (!options_.api_key.empty())
    return detail_response(403,
                           who + " is not of the local network: it is served with X-API-Key or after logging in only");
  return detail_response(
      403,
      "protected mode: no credentials are configured, so only loopback, private and link-local addresses "
      "are served, and not " +
          who + "; configure [server] api_key to serve others");
}

std::optional<HttpResponse> Access::refuse_host(const HttpRequest& request) const {
  const auto& allowed = options_.allowed_hosts;
  if (std::ranges::find(allowed, "*") != allowed.end()) return std::nullopt;
  std::string host = lower(without_port(request.header("Host")));
  if (host.ends_with('.')) host.pop_back();
  // No Host at all: no browser, so nothing to rebind.
  if (host.empty() || host == "localhost" || host.ends_with(".localhost") || IpAddress::parse(host).ok())
    return std::nullopt;
  const std::string& own = options_.host_name;
  if (!own.empty() && (host == own || host == own + ".local" || host == own.substr(0, own.find('.')) ||
                       host == own.substr(0, own.find('.')) + ".local")) {
    return std::nullopt;
  }
  if (std::ranges::find(allowed, host) != allowed.end()) return std::nullopt;
  return detail_response(403, "the Host '" + host + "' is not this server's: add it to [server] allowed_hosts");
}

std::optional<HttpResponse> Access::refuse_origin(const HttpRequest& request, const RouteOptions& route) const {
  if (!changes_something(request, route)) return std::nullopt;
  const std::string_view origin = request.header("Origin");
  if (!origin.empty()) {
    if (origin_as_host(origin) == without_default_port(request.header("Host")) || is_allowed_origin(origin))
      return std::nullopt;
    return detail_response(
        403, "the origin '" + std::string(origin) + "' is not allowed: add it to [server] allowed_origins");
  }
  // An <img> or a link of another site carries no Origin, but browsers say where it came from.
  if (request.header("Sec-Fetch-Site") == "cross-site" && !is_allowed_origin("*")) {
    return detail_response(403, "a page of another site may not do this");
  }
  return std::nullopt;
}

bool Access::needs_key(const HttpRequest& request) const {
  if (options_.api_key.empty() || request.method == HttpMethod::options) return false;
  return std::ranges::any_of(options_.api_key_paths,
                             [&](const std::string& prefix) { return is_under(request.path, prefix); });
}

bool Access::has_key(const HttpRequest& request) const {
  if (is_same_secret(request.header("X-API-Key"), options_.api_key)) return true;
  if (!options_.sessions || options_.api_key.empty()) return false;
  const auto token = cookie_value(request.header("Cookie"), Sessions::cookie_name(request.header("Host")));
  return token && options_.sessions->holds(*token);
}

bool Access::is_allowed_origin(std::string_view origin) const {
  const auto& allowed = options_.allowed_origins;
  return std::ranges::find(allowed, "*") != allowed.end() || std::ranges::find(allowed, lower(origin)) != allowed.end();
}

void Access::add_cors(const HttpRequest& request, HttpFields& headers) const {
  if (options_.allowed_origins.empty()) return;
  headers.emplace_back("Vary", "Origin");
  const std::string_view origin = request.header("Origin");
  if (origin.empty() || !is_allowed_origin(origin)) return;
  headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  headers.emplace_back("Access-Control-Expose-Headers",
                       "ETag, Location, X-Timestamp, X-Sequence, X-Exposure-Us, X-Gain");
}

HttpResponse Access::preflight(const HttpRequest& request, std::string_view allowed_methods) const {
  if (allowed_methods.empty()) return detail_response(404, "nothing is served at this path");
  HttpResponse response;
  response.status = 204;
  response.with("Allow", std::string(allowed_methods));
  const std::string_view origin = request.header("Origin");
  if (request.header("Access-Control-Request-Method").empty() || origin.empty() || !is_allowed_origin(origin))
    return response;
  response.with("Access-Control-Allow-Methods", std::string(allowed_methods))
      .with("Access-Control-Allow-Headers",
            "Content-Type, X-API-Key, Authorization, If-None-Match, If-Match, Last-Event-ID")
      .with("Access-Control-Max-Age", "600");
  // A page on the Internet that calls into a private network (Chrome's check).
  if (!request.header("Access-Control-Request-Private-Network").empty()) {
    response.with("Access-Control-Allow-Private-Network", "true");
  }
  return response;
}

}  // namespace camweave
