#include "net/router.h"

#include <algorithm>
#include <cassert>

namespace camweave {

std::vector<Router::Segment> Router::parse_pattern(std::string_view pattern) {
  assert(pattern.starts_with('/'));
  std::vector<Segment> segments;
  while (pattern.size() > 1) {
    pattern.remove_prefix(1);
    const size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view text = pattern.substr(0, end);
    pattern.remove_prefix(end);
    Segment segment;
    if (text.starts_with('{')) {
      const size_t close = text.find('}');
      assert(close != std::string_view::npos);
      segment.name = text.substr(1, close - 1);
      segment.text = text.substr(close + 1);
      segment.takes_rest = segment.name.ends_with("...");
      if (segment.takes_rest) segment.name.resize(segment.name.size() - 3);
    } else {
      segment.text = text;
    }
    segments.push_back(std::move(segment));
  }
  return segments;
}

bool Router::fits(const Route& route, const std::vector<std::string>& segments, HttpFields* parameters) {
  HttpFields found;
  for (size_t i = 0; i < route.segments.size(); ++i) {
    const Segment& wanted = route.segments[i];
    if (i >= segments.size()) return false;
    if (wanted.takes_rest) {
      std::string rest;
      for (size_t j = i; j < segments.size(); ++j) rest += (j > i ? "/" : "") + segments[j];
      found.emplace_back(wanted.name, std::move(rest));
      break;
    }
    if (wanted.name.empty() && wanted.text != segments[i]) return false;
    if (wanted.name.empty()) continue;
    if (segments[i].size() <= wanted.text.size() || !segments[i].ends_with(wanted.text)) return false;
    found.emplace_back(wanted.name, segments[i].substr(0, segments[i].size() - wanted.text.size()));
  }
  const bool takes_rest = !route.segments.empty() && route.segments.back().takes_rest;
  if (!takes_rest && segments.size() != route.segments.size()) return false;
  if (parameters) *parameters = std::move(found);
  return true;
}

// Rows whose first difference is a fixed segment against a named one come first.
void Router::insert(Route route) {
  const auto is_more_specific = [](const Route& a, const Route& b) {
    for (size_t i = 0; i < std::min(a.segments.size(), b.segments.size()); ++i) {
      const auto rank = [](const Segment& segment) {
        if (segment.name.empty()) return 0;
        if (segment.takes_rest) return 3;
        return segment.text.empty() ? 2 : 1;
      };
      if (rank(a.segments[i]) != rank(b.segments[i])) return rank(a.segments[i]) < rank(b.segments[i]);
    }
    return false;
  };
  const auto place = std::ranges::find_if(routes_, [&](const Route& other) { return is_more_specific(route, other); });
  routes_.insert(place, std::move(route));
}

void Router::add(HttpMethod method, std::string_view pattern, HttpHandler handler, RouteOptions options) {
  insert({method, false, std::string(pattern), parse_pattern(pattern), std::move(handler), options});
}

void Router::websocket(std::string_view pattern, HttpHandler handler) {
  insert({HttpMethod::get, true, std::string(pattern), parse_pattern(pattern), std::move(handler), {}});
}

void Router::fallback(HttpHandler handler, RouteOptions options) {
  fallback_ = std::move(handler);
  fallback_options_ = options;
}

Router::Match Router::find(HttpRequest& request) const {
  const HttpMethod wanted = request.method == HttpMethod::head ? HttpMethod::get : request.method;
  bool is_known = false, needs_upgrade = false;
  for (const Route& route : routes_) {
    if (!fits(route, request.segments, nullptr)) continue;
    is_known = true;
    if (route.method != wanted) continue;
    if (route.is_websocket && !request.is_websocket) {
      needs_upgrade = true;
      continue;
    }
    fits(route, request.segments, &request.parameters);
    return {&route.handler, route.options, {}};
  }
  if (needs_upgrade) {
    auto refusal = detail_response(426, "this is a WebSocket: connect with ws://");
    refusal.with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13");
    return {nullptr, {}, std::move(refusal)};
  }
  if (is_known) {
    auto refusal = detail_response(405, std::string("the method ") + to_string(request.method) + " is not served here");
    refusal.with("Allow", allowed_methods(request));
    return {nullptr, {}, std::move(refusal)};
  }
  if (fallback_ && wanted == HttpMethod::get) return {&fallback_, fallback_options_, {}};
  return {nullptr, {}, detail_response(404, "nothing is served at this path")};
}

std::string Router::allowed_methods(const HttpRequest& request) const {
  std::string methods;
  const auto append = [&](std::string_view name) {
    if (methods.find(name) == std::string::npos) methods += (methods.empty() ? "" : ", ") + std::string(name);
  };
  for (const Route& route : routes_) {
    if (!fits(route, request.segments, nullptr)) continue;
    append(to_string(route.method));
    if (route.method == HttpMethod::get) append("HEAD");
  }
  if (!methods.empty()) append("OPTIONS");
  return methods;
}

std::vector<std::string> Router::rows() const {
  std::vector<std::string> rows;
  for (const Route& route : routes_) {
    rows.push_back((route.is_websocket ? "WS" : to_string(route.method)) + std::string(" ") + route.pattern);
  }
  return rows;
}

}  // namespace camweave
