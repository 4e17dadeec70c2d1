// Router: the explicit table of what is served: method + pattern → handler. Built at start-up, then immutable and used
// by every loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"

namespace camweave {

class HttpExchange;
// Called on the connection's loop; must not block: answer later, from any thread, by HttpExchange::respond().
using HttpHandler = std::function<void(const std::shared_ptr<HttpExchange>&)>;

struct RouteOptions {
  size_t max_body_bytes = size_t{1} << 20;
  bool changes_state = false;  // a GET that does something (/reset, /cmd): cross-site pages may not call it
  // Served without the API key, to strangers too, where one is configured: the page's own files, and logging in.
  bool is_public = false;
};

class Router {
 public:
  // A pattern is a path whose segments may be "{name}", possibly with a fixed end: "/hls/{id}/index.m3u8",
  // "/recordings/{id}.mp4". A last segment "{name...}" takes the rest of the path. Fixed segments win over named ones.
  // HEAD is served by GET's handler.
  void add(HttpMethod method, std::string_view pattern, HttpHandler handler, RouteOptions options = {});
  // A WebSocket endpoint: other GETs get 426.
  void websocket(std::string_view pattern, HttpHandler handler);
  // GET and HEAD of every path that no pattern fits (the web page).
  void fallback(HttpHandler handler, RouteOptions options = {});

  struct Match {
    const HttpHandler* handler = nullptr;  // null: `refusal` says why
    RouteOptions options;
    HttpResponse refusal;  // 404; 405 with Allow; 426
  };
  // Fills request.parameters. OPTIONS is answered by the server from allowed_methods().
  Match find(HttpRequest& request) const;
  // "GET, HEAD, POST": empty when nothing is at that path.
  std::string allowed_methods(const HttpRequest& request) const;

  // Every row, for tests of /openapi.json against the table: "GET /api/v1/cameras".
  std::vector<std::string> rows() const;

 private:
  struct Segment {
    std::string name;  // of {name}; empty for a fixed one
    std::string text;  // fixed text, or what follows {name} in the segment
    bool takes_rest = false;
  };
  struct Route {
    HttpMethod method = HttpMethod::get;
    bool is_websocket = false;
    std::string pattern;
    std::vector<Segment> segments;
    HttpHandler handler;
    RouteOptions options;
  };
  static std::vector<Segment> parse_pattern(std::string_view pattern);
  static bool fits(const Route& route, const std::vector<std::string>& segments, HttpFields* parameters);
  void insert(Route route);

  std::vector<Route> routes_;  // the more specific first
  HttpHandler fallback_;
  RouteOptions fallback_options_;
};

}  // namespace camweave
