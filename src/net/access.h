// Access: who is served (docs/reference/access.md). Decides on a request's head alone, before its body is read.
// Immutable, so thread-safe; a reload puts a new one in the old one's place.
//
//  - Protected mode: without credentials configured, only loopback, private and link-local peers are served. With them,
//  a
//    peer from elsewhere needs the API key, on every path that is not public.
//  - Host must be an IP literal, localhost, this machine's name (plain or .local) or in allowed_hosts: a page that had
//    its name rebound to our address carries its own name there.
//  - Origin must be the server's own or in allowed_origins for WebSockets and for requests that change something.
//  - CORS headers and preflight answers for allowed_origins.
//  - X-API-Key, or the cookie of a session that was begun with it, where a key is configured, on the paths of
//  interfaces
//    section 6 and 9. The cookie is SameSite=Strict, and what it could be misused for is covered by the Origin rule.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"
#include "net/router.h"
#include "net/sessions.h"

namespace camweave {

struct AccessOptions {
  std::vector<std::string> allowed_origins;  // "https://app.example", "null", "*"
  std::vector<std::string> allowed_hosts;    // names without a port; "*" switches the check off
  std::string api_key;                       // empty: none, protected mode
  std::vector<std::string> api_key_paths = {"/api/v1", "/camera", "/streaming", "/v1"};  // whole segments
  std::string host_name;               // this machine's; empty: gethostname()
  std::shared_ptr<Sessions> sessions;  // of those who logged in with the key; null: there are none
};

class Access {
 public:
  explicit Access(AccessOptions options = {});

  bool is_protected() const { return options_.api_key.empty(); }

  // The refusal, or none when the request may be served. `route`: what it would reach.
  std::optional<HttpResponse> refusal(const HttpRequest& request, const RouteOptions& route) const;
  // The answer to a CORS preflight; `allowed_methods` as Router says.
  HttpResponse preflight(const HttpRequest& request, std::string_view allowed_methods) const;
  // Access-Control-Allow-Origin and Vary on an answer, where the origin is allowed.
  void add_cors(const HttpRequest& request, HttpFields& headers) const;

 private:
  std::optional<HttpResponse> refuse_peer(const HttpRequest& request, const RouteOptions& route) const;
  std::optional<HttpResponse> refuse_host(const HttpRequest& request) const;
  std::optional<HttpResponse> refuse_origin(const HttpRequest& request, const RouteOptions& route) const;
  bool needs_key(const HttpRequest& request) const;
  // The key itself, or a session's cookie.
  bool has_key(const HttpRequest& request) const;
  bool is_allowed_origin(std::string_view origin) const;

  const AccessOptions options_;
};

}  // namespace camweave
