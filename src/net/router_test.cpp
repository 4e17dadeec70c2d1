#include "net/router.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  void add(HttpMethod method, const char* pattern) {
    router_.add(method, pattern, [this, pattern](const auto&) { called_ = pattern; });
  }
  std::string find(HttpMethod method, const char* target, bool is_websocket = false) {
    request_ = HttpRequest();
    request_.method = method;
    request_.is_websocket = is_websocket;
    EXPECT_TRUE(parse_request_target(target, request_).ok());
    const auto match = router_.find(request_);
    if (!match.handler) return std::to_string(match.refusal.status);
    (*match.handler)(nullptr);
    return called_;
  }
  Router router_;
  HttpRequest request_;
  std::string called_;
};

TEST_F(RouterTest, FixedSegmentsWinOverNamedOnesWhateverTheirOrder) {
  add(HttpMethod::get, "/cameras/{id}");
  add(HttpMethod::get, "/cameras/all");
  add(HttpMethod::get, "/cameras/{id}/stream.mjpg");
  add(HttpMethod::get, "/recordings/{id}");
  add(HttpMethod::get, "/recordings/{id}.mp4");
  add(HttpMethod::get, "/recordings/export");
  add(HttpMethod::get, "/files/{path...}");
  EXPECT_EQ(find(HttpMethod::get, "/cameras/all"), "/cameras/all");
  EXPECT_EQ(find(HttpMethod::get, "/cameras/front"), "/cameras/{id}");
  EXPECT_EQ(request_.parameter("id"), "front");
  EXPECT_EQ(find(HttpMethod::get, "/cameras/a%2Fb/stream.mjpg"), "/cameras/{id}/stream.mjpg");
  EXPECT_EQ(request_.parameter("id"), "a/b");
  EXPECT_EQ(find(HttpMethod::get, "/recordings/12.mp4"), "/recordings/{id}.mp4");
  EXPECT_EQ(request_.parameter("id"), "12");
  EXPECT_EQ(find(HttpMethod::get, "/recordings/.mp4"), "/recordings/{id}");
  EXPECT_EQ(find(HttpMethod::get, "/recordings/export"), "/recordings/export");
  EXPECT_EQ(find(HttpMethod::get, "/files/a/b/c"), "/files/{path...}");
  EXPECT_EQ(request_.parameter("path"), "a/b/c");
  EXPECT_EQ(find(HttpMethod::get, "/files"), "404");
  EXPECT_EQ(find(HttpMethod::get, "/cameras"), "404");
}

TEST_F(RouterTest, MethodsAndUpgradesAreTold) {
  add(HttpMethod::get, "/a");
  add(HttpMethod::post, "/a");
  router_.websocket("/ws/{index}", [this](const auto&) { called_ = "ws"; });
  EXPECT_EQ(find(HttpMethod::head, "/a"), "/a");
  EXPECT_EQ(find(HttpMethod::delete_, "/a"), "405");
  EXPECT_EQ(router_.allowed_methods(request_), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(find(HttpMethod::get, "/ws/0", true), "ws");
  EXPECT_EQ(find(HttpMethod::get, "/ws/0"), "426");
  EXPECT_EQ(find(HttpMethod::post, "/ws/0"), "405");
}

TEST_F(RouterTest, TheFallbackTakesWhatIsReadAndUnknown) {
  add(HttpMethod::post, "/a");
  router_.fallback([this](const auto&) { called_ = "page"; });
  EXPECT_EQ(find(HttpMethod::get, "/"), "page");
  EXPECT_EQ(find(HttpMethod::get, "/whatever"), "page");
  EXPECT_EQ(find(HttpMethod::post, "/whatever"), "404");
  EXPECT_EQ(find(HttpMethod::get, "/a"), "405");
}

}  // namespace
}  // namespace camweave
