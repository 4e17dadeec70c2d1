#include "net/http_message.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

TEST(RequestTarget, IsTakenApartAndDecoded) {
  HttpRequest request;
  ASSERT_TRUE(parse_request_target("/a%20b/c%2Fd/?x=1&y=%26+z&x=2&flag&=v", request).ok());
  EXPECT_EQ(request.path, "/a b/c/d/");
  EXPECT_EQ(request.segments, (std::vector<std::string>{"a b", "c/d"}));
  EXPECT_EQ(request.query, (HttpFields{{"x", "1"}, {"y", "& z"}, {"x", "2"}, {"flag", ""}, {"", "v"}}));
  EXPECT_EQ(request.query_value("x"), "1");
  EXPECT_FALSE(request.query_value("nothing").has_value());
}

TEST(RequestTarget, TheAbsoluteFormIsThePathWithin) {
  HttpRequest request;
  ASSERT_TRUE(parse_request_target("http://host:8000/x?y=1", request).ok());
  EXPECT_EQ(request.path, "/x");
  ASSERT_TRUE(parse_request_target("http://host", request).ok());
  EXPECT_EQ(request.path, "/");
}

TEST(RequestTarget, RefusesWhatHidesSomething) {
  HttpRequest request;
  for (const char* bad :
       {"", "x", "/%", "/%4", "/%g1", "/%00", "/a/%2e%2e/b", "/./a", "/a?b=%", "/%0a", "/a%7f", "ftp://x/"}) {
    EXPECT_FALSE(parse_request_target(bad, request).ok()) << bad;
  }
}

TEST(HttpRequest, HeadersAreFoundInAnyCase) {
  HttpRequest request;
  request.headers = {{"x-api-key", "k"}, {"Connection", "keep-alive , UPGRADE"}, {"upgrade", "WebSocket"}};
  EXPECT_EQ(request.header("X-API-Key"), "k");
  EXPECT_EQ(request.header("Host"), "");
  EXPECT_TRUE(asks_for_websocket(request));
  request.method = HttpMethod::post;
  EXPECT_FALSE(asks_for_websocket(request));
}

TEST(HttpResponse, DetailsAreValidJsonWhateverTheyHold) {
  EXPECT_EQ(detail_response(400, "a \"quote\"\n").body, "{\"detail\":\"a \\\"quote\\\"\\n\"}");
  EXPECT_EQ(detail_response(400, "bad \xff utf-8").body, "{\"detail\":\"bad \xef\xbf\xbd utf-8\"}");
  EXPECT_EQ(error_response({ErrorCode::exhausted, "full"}).status, 503);
  EXPECT_EQ(error_response({ErrorCode::not_found, "gone"}).status, 404);
}

}  // namespace
}  // namespace camweave
