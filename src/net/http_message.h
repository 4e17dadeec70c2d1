// HttpRequest and HttpResponse: plain values, with no I/O.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/ip_address.h"

namespace camweave {

enum class HttpMethod { get, head, post, put, patch, delete_, options };
const char* to_string(HttpMethod method);
std::optional<HttpMethod> parse_http_method(std::string_view name);

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  HttpMethod method = HttpMethod::get;
  std::string target;                 // as sent
  std::string path;                   // decoded, without the query; begins with "/"
  std::vector<std::string> segments;  // decoded; "/a/b" → {"a", "b"}; "/" → {}
  HttpFields query;                   // decoded, in order, repeated names kept
  HttpFields headers;
  HttpFields parameters;  // what the route's {names} stand for
  std::string body;
  IpAddress peer;
  bool is_websocket = false;  // asks_for_websocket()

  // By name in any case; empty when absent. The first of several.
  std::string_view header(std::string_view name) const;
  std::optional<std::string_view> query_value(std::string_view name) const;  // the first
  std::string_view parameter(std::string_view name) const;
};

// Takes a request's target apart ("/a%20b/c?x=1&x=2"). Fails for bad escapes, control characters, an encoded NUL or
// slash trickery ("..", encoded "/" stays inside its segment). Pure; fuzzed.
Result<void> parse_request_target(std::string_view target, HttpRequest& into);
// "a=1&b=x+y%21" (a query, or an application/x-www-form-urlencoded body). Pure; fuzzed.
Result<HttpFields> parse_form_fields(std::string_view text);

// Whether the headers ask for an upgrade to WebSocket.
bool asks_for_websocket(const HttpRequest& request);
// Whether a comma-separated header has a token, in any case: ("keep-alive, Upgrade", "upgrade").
bool has_list_token(std::string_view list, std::string_view token);

struct HttpResponse {
  int status = 200;
  HttpFields headers;
  std::string body;
  // Instead of `body`: bytes that outlive the response by themselves (static) or by `keeps`.
  std::span<const std::byte> shared_body;
  std::shared_ptr<const void> keeps;
  bool has_length = true;  // false: the answer to a HEAD of a stream

  HttpResponse& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  size_t body_bytes() const { return shared_body.empty() ? body.size() : shared_body.size(); }
};

HttpResponse json_response(int status, std::string json_text);
HttpResponse text_response(int status, std::string text, std::string_view content_type = "text/plain; charset=utf-8");
// {"detail": "…"}
HttpResponse detail_response(int status, std::string_view detail);
// The status that fits an Error (not_found 404, invalid_argument 400, unavailable, busy, exhausted and timeout 503,
// permission_denied 403, unsupported 422, the rest 500), with its message as the detail.
HttpResponse error_response(const Error& error);

const char* http_reason(int status);

}  // namespace camweave
