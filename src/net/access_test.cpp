#include "net/access.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

struct Asked {
  HttpMethod method = HttpMethod::get;
  const char* path = "/api/v1/cameras";
  const char* peer = "127.0.0.1";
  HttpFields headers = {{"Host", "localhost:8000"}};
  bool is_websocket = false;
  RouteOptions route = {};
};

int status(const Access& access, const Asked& asked) {
  HttpRequest request;
  request.method = asked.method;
  EXPECT_TRUE(parse_request_target(asked.path, request).ok());
  request.peer = *IpAddress::parse(asked.peer);
  request.headers = asked.headers;
  request.is_websocket = asked.is_websocket;
  const auto refusal = access.refusal(request, asked.route);
  return refusal ? refusal->status : 200;
}

TEST(Access, ProtectedModeServesTheNeighbourhoodOnly) {
  const Access access;
  EXPECT_TRUE(access.is_protected());
  for (const char* peer : {"127.0.0.1", "192.168.1.20", "fe80::1", "fd00::5", "::ffff:10.1.2.3"}) {
    EXPECT_EQ(status(access, {.peer = peer}), 200) << peer;
  }
  for (const char* peer : {"8.8.8.8", "2001:db8::1", "::ffff:1.1.1.1"}) {
    EXPECT_EQ(status(access, {.path = "/", .peer = peer}), 403) << peer;
  }
}

TEST(Access, StrangersWithTheKeyAreServedAndOthersAreNot) {
  const Access access({.api_key = "secret"});
  EXPECT_FALSE(access.is_protected());
  const HttpFields with_key{{"Host", "1.2.3.4"}, {"X-API-Key", "secret"}};
  EXPECT_EQ(status(access, {.peer = "8.8.8.8", .headers = with_key}), 200);
  EXPECT_EQ(status(access, {.path = "/", .peer = "8.8.8.8", .headers = with_key}), 200);
  EXPECT_EQ(status(access, {.peer = "8.8.8.8", .headers = {{"Host", "1.2.3.4"}}}), 401);
  EXPECT_EQ(status(access, {.path = "/", .peer = "8.8.8.8", .headers = {{"Host", "1.2.3.4"}}}), 403);
}

TEST(Access, TheKeyIsNeededOnItsPathsOnly) {
  const Access access({.api_key = "secret"});
  for (const char* path : {"/api/v1/cameras", "/camera/status", "/streaming/start", "/v1/camera/awb", "/api/v1"}) {
    EXPECT_EQ(status(access, {.path = path}), 401) << path;
    EXPECT_EQ(status(access, {.path = path, .headers = {{"Host", "localhost"}, {"X-API-Key", "wrong!"}}}), 401) << path;
    EXPECT_EQ(status(access, {.path = path, .headers = {{"Host", "localhost"}, {"x-api-key", "secret"}}}), 200) << path;
  }
  for (const char* path : {"/health", "/", "/cameras-page", "/v10/x", "/config"})
    EXPECT_EQ(status(access, {.path = path}), 200) << path;
  EXPECT_EQ(status(Access({.api_key = "secret"}), {.method = HttpMethod::options}), 200);
}

TEST(Access, TheRefusalSaysWhatTheInterfaceSays) {
  HttpRequest request;
  ASSERT_TRUE(parse_request_target("/camera/status", request).ok());
  request.peer = *IpAddress::parse("127.0.0.1");
  const auto refusal = Access({.api_key = "secret"}).refusal(request, {});
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->body, "{\"detail\":\"Invalid or missing API key\"}");
  EXPECT_EQ(refusal->headers.back(), (std::pair<std::string, std::string>{"WWW-Authenticate", "ApiKey"}));
}

TEST(Access, AReboundNameIsRefused) {
  const Access access({.allowed_hosts = {"cams.example"}, .host_name = "photobooth"});
  for (const char* host :
       {"localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "[fe80::1]", "192.168.1.5", "photobooth",
        "Photobooth.local:8000", "PHOTOBOOTH.local.", "cams.example", "CAMS.example:443", ""}) {
    EXPECT_EQ(status(access, {.headers = {{"Host", host}}}), 200) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "photobooth.example",
                           "photobooth.local.evil.example"}) {
    EXPECT_EQ(status(access, {.headers = {{"Host", host}}}), 403) << host;
  }
  EXPECT_EQ(status(Access({.allowed_hosts = {"*"}}), {.headers = {{"Host", "evil.example"}}}), 200);
}

TEST(Access, ForeignPagesMayNotChangeThingsOrOpenWebSockets) {
  const Access access({.allowed_origins = {"https://App.example", "null"}});
  const auto from = [](const char* origin) { return HttpFields{{"Host", "192.168.1.5:8000"}, {"Origin", origin}}; };
  for (const char* origin : {"http://evil.example", "http://192.168.1.5", "http://192.168.1.5:8001",
                             "https://app.example.evil", "file://"}) {
    EXPECT_EQ(status(access, {.method = HttpMethod::post, .headers = from(origin)}), 403) << origin;
    EXPECT_EQ(status(access, {.headers = from(origin), .is_websocket = true}), 403) << origin;
    EXPECT_EQ(status(access, {.headers = from(origin)}), 200) << origin;  // without CORS headers the page can't read it
    EXPECT_EQ(status(access, {.headers = from(origin), .route = {.changes_state = true}}), 403) << origin;
  }
  for (const char* origin : {"http://192.168.1.5:8000", "https://app.example", "null"}) {
    EXPECT_EQ(status(access, {.method = HttpMethod::post, .headers = from(origin)}), 200) << origin;
    EXPECT_EQ(status(access, {.headers = from(origin), .is_websocket = true}), 200) << origin;
  }
  EXPECT_EQ(status(access, {.headers = {{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}},
                            .route = {.changes_state = true}}),
            403);
  EXPECT_EQ(status(access, {.method = HttpMethod::post}), 200);  // no browser
  EXPECT_EQ(
      status(Access({.allowed_origins = {"*"}}), {.method = HttpMethod::post, .headers = from("http://any.example")}),
      200);
}

TEST(Access, CorsIsForAllowedOriginsOnly) {
  const Access access({.allowed_origins = {"https://app.example"}});
  HttpRequest request;
  request.headers = {{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "PATCH"}};
  HttpFields headers;
  access.add_cors(request, headers);
  EXPECT_EQ(headers[1], (std::pair<std::string, std::string>{"Access-Control-Allow-Origin", "https://app.example"}));
  const auto preflight = access.preflight(request, "GET, PATCH, OPTIONS");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.headers[1].second, "GET, PATCH, OPTIONS");
  request.headers[0].second = "https://evil.example";
  headers.clear();
  access.add_cors(request, headers);
  EXPECT_EQ(headers.size(), 1u);                                                   // Vary alone
  EXPECT_EQ(access.preflight(request, "GET, PATCH, OPTIONS").headers.size(), 1u);  // Allow alone
  headers.clear();
  Access().add_cors(request, headers);
  EXPECT_TRUE(headers.empty());
}

}  // namespace
}  // namespace camweave
