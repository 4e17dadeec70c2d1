#include "net/static_files.h"

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "net/http_server.h"
#include "net/test_client.h"

namespace camweave {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class StaticFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    router_.fallback(static_file_handler(files_));
    port_ = server_.listen(*parse_listen_address("127.0.0.1:0"))->port;
  }
  std::string get(const std::string& path, const std::string& headers = "") {
    return TestClient(port_).exchange("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  }
  const std::vector<StaticFile> files_{{"/index.html", bytes("<html>"), bytes("packed"), "\"abc\""},
                                       {"/assets/index-1f.js", bytes("code"), {}, "\"def\""}};
  FakeClock clock_;
  Log log_{clock_, LogLevel::error, [](const LogLine&) {}};
  Router router_;
  std::unique_ptr<IoLoops> loops_ = *IoLoops::start(clock_, 1);
  HttpServer server_{*loops_, router_, Access(), log_};
  uint16_t port_ = 0;
};

TEST_F(StaticFilesTest, ThePageIsServedWithItsPolicy) {
  const std::string answer = get("/");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n<html>")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/html; charset=utf-8\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Content-Security-Policy: default-src 'self';"), std::string::npos);
  EXPECT_NE(answer.find("X-Content-Type-Options: nosniff\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Cache-Control: no-cache\r\n"), std::string::npos);
}

TEST_F(StaticFilesTest, CompressedForThoseWhoTakeIt) {
  const std::string packed = get("/", "Accept-Encoding: br;q=1, gzip;q=0.5\r\n");
  EXPECT_TRUE(packed.ends_with("\r\n\r\npacked"));
  EXPECT_NE(packed.find("Content-Encoding: gzip\r\n"), std::string::npos);
  EXPECT_NE(packed.find("Vary: Accept-Encoding\r\n"), std::string::npos);
  EXPECT_TRUE(get("/", "Accept-Encoding: gzip;q=0, identity\r\n").ends_with("<html>"));
}

TEST_F(StaticFilesTest, AKnownTagIsAnsweredWithout) {
  EXPECT_TRUE(get("/", "If-None-Match: \"x\", W/\"abc\"\r\n").starts_with("HTTP/1.1 304"));
  EXPECT_TRUE(get("/", "If-None-Match: \"abc-gz\"\r\nAccept-Encoding: gzip\r\n").starts_with("HTTP/1.1 304"));
  EXPECT_TRUE(get("/", "If-None-Match: \"abc-gz\"\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(StaticFilesTest, HashedNamesAreKeptForGoodAndUnknownOnesAreNot) {
  const std::string script = get("/assets/index-1f.js");
  EXPECT_NE(script.find("immutable"), std::string::npos);
  EXPECT_NE(script.find("Content-Type: text/javascript"), std::string::npos);
  EXPECT_TRUE(get("/assets/other.js").starts_with("HTTP/1.1 404"));
}

}  // namespace
}  // namespace camweave
