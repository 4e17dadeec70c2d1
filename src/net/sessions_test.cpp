#include "net/sessions.h"

#include <gtest/gtest.h>

#include <set>

#include "base/fake_clock.h"
#include "net/access.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

class SessionsTest : public testing::Test {
 protected:
  std::string begun() {
    auto token = sessions_->begin();
    EXPECT_TRUE(token);
    return token ? *token : "";
  }

  FakeClock clock_;
  std::shared_ptr<Sessions> sessions_ = std::make_shared<Sessions>(clock_);
};

TEST_F(SessionsTest, ATokenIsLongRandomAndHeldUntilItsEnd) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.insert(begun());
  EXPECT_EQ(tokens.size(), 100u);
  const std::string token = *tokens.begin();
  EXPECT_EQ(token.size(), 64u);
  EXPECT_TRUE(sessions_->holds(token));
  for (const std::string& wrong :
       {std::string(), token.substr(1), token + "0", std::string(64, '0'), token.substr(0, 63) + "x"})
    EXPECT_FALSE(sessions_->holds(wrong)) << wrong;
  sessions_->end(token);
  EXPECT_FALSE(sessions_->holds(token));
  EXPECT_TRUE(sessions_->holds(*tokens.rbegin()));
  sessions_->end_all();
  EXPECT_FALSE(sessions_->holds(*tokens.rbegin()));
}

TEST_F(SessionsTest, EndsAfterAWeekWithoutUseAndAfterAMonthInAnyCase) {
  const std::string unused = begun();
  const std::string used = begun();
  for (int day = 0; day < 30; ++day) {
    EXPECT_TRUE(sessions_->holds(used)) << "day " << day;
    clock_.advance(24h);
  }
  EXPECT_FALSE(sessions_->holds(unused));
  clock_.advance(1s);
  EXPECT_FALSE(sessions_->holds(used));
}

TEST_F(SessionsTest, OfTooManyTheOneUnusedForTheLongestEnds) {
  const std::string first = begun();
  clock_.advance(1s);
  const std::string second = begun();
  clock_.advance(1s);
  EXPECT_TRUE(sessions_->holds(first));  // used later than the second
  for (size_t i = 0; i < Sessions::max_sessions - 1; ++i) {
    clock_.advance(1s);
    begun();
  }
  EXPECT_EQ(sessions_->size(), Sessions::max_sessions);
  EXPECT_FALSE(sessions_->holds(second));
  EXPECT_TRUE(sessions_->holds(first));
}

TEST_F(SessionsTest, WrongKeysMakeAnAddressWaitAndNoOther) {
  const IpAddress peer = address("192.168.1.9");
  for (int i = 0; i < Sessions::max_failures; ++i) {
    EXPECT_TRUE(sessions_->may_try(peer));
    sessions_->failed(peer);
  }
  EXPECT_FALSE(sessions_->may_try(peer));
  EXPECT_TRUE(sessions_->may_try(address("192.168.1.10")));
  clock_.advance(Sessions::failure_window + 1s);
  EXPECT_TRUE(sessions_->may_try(peer));
  // A host with IPv6 has as many addresses as it likes, all in one /64.
  for (int i = 0; i < Sessions::max_failures; ++i)
    sessions_->failed(address(("2001:db8:1:2::" + std::to_string(i + 1)).c_str()));
  EXPECT_FALSE(sessions_->may_try(address("2001:db8:1:2:ffff::1")));
  EXPECT_TRUE(sessions_->may_try(address("2001:db8:1:3::1")));
}

TEST(Cookies, AreFoundByTheirWholeName) {
  EXPECT_EQ(cookie_value("a=1; session=xyz; b=2", "session"), "xyz");
  EXPECT_EQ(cookie_value("session=", "session"), "");
  EXPECT_EQ(cookie_value("a=1;session=x=y", "session"), "x=y");
  for (const char* without : {"", "session", "xsession=1", "session2=1", ";;; =", "a=session=1"})
    EXPECT_FALSE(cookie_value(without, "session")) << without;
}

TEST(Cookies, EachPortHasItsOwn) {
  EXPECT_EQ(Sessions::cookie_name("cams.local:8000"), "camweave_session_8000");
  EXPECT_EQ(Sessions::cookie_name("[::1]:81"), "camweave_session_81");
  for (const char* host : {"", "cams.example", "[::1]", "cams:", "cams:80; Path", "cams:123456"})
    EXPECT_EQ(Sessions::cookie_name(host), "camweave_session") << host;
}

TEST_F(SessionsTest, TheCookieOpensWhatTheKeyOpens) {
  const Access access({.api_key = "secret", .sessions = sessions_});
  const std::string token = begun();
  const auto status = [&](const char* path, const char* peer, const std::string& cookie, RouteOptions route = {}) {
    HttpRequest request;
    EXPECT_TRUE(parse_request_target(path, request).ok());
    request.peer = address(peer);
    request.headers = {{"Host", "192.168.1.5:8000"}};
    if (!cookie.empty()) request.headers.emplace_back("Cookie", cookie);
    const auto refusal = access.refusal(request, route);
    return refusal ? refusal->status : 200;
  };
  const std::string cookie = "camweave_session_8000=" + token;
  EXPECT_EQ(status("/api/v1/cameras", "127.0.0.1", cookie), 200);
  EXPECT_EQ(status("/api/v1/cameras", "8.8.8.8", cookie), 200);
  EXPECT_EQ(status("/ws/stream/0", "8.8.8.8", cookie), 200);
  EXPECT_EQ(status("/api/v1/cameras", "127.0.0.1", ""), 401);
  EXPECT_EQ(status("/api/v1/cameras", "127.0.0.1", "camweave_session_8001=" + token), 401);
  EXPECT_EQ(status("/ws/stream/0", "8.8.8.8", ""), 403);
  // The page and its login are for whoever has no session yet.
  EXPECT_EQ(status("/", "8.8.8.8", "", {.is_public = true}), 200);
  EXPECT_EQ(status("/api/v1/login", "8.8.8.8", "", {.is_public = true}), 200);
  sessions_->end(token);
  EXPECT_EQ(status("/api/v1/cameras", "127.0.0.1", cookie), 401);
}

TEST_F(SessionsTest, ACookieIsNoWayAroundTheOriginRule) {
  const Access access({.api_key = "secret", .sessions = sessions_});
  HttpRequest request;
  ASSERT_TRUE(parse_request_target("/api/v1/cameras/cam0/controls", request).ok());
  request.method = HttpMethod::patch;
  request.peer = address("127.0.0.1");
  request.headers = {{"Host", "192.168.1.5:8000"},
                     {"Origin", "http://192.168.1.5:8001"},
                     {"Cookie", "camweave_session_8000=" + begun()}};
  const auto refusal = access.refusal(request, {});
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 403);
}

TEST_F(SessionsTest, ProtectedModeKnowsNoSessions) {
  const Access access({.sessions = sessions_});
  HttpRequest request;
  ASSERT_TRUE(parse_request_target("/", request).ok());
  request.peer = address("8.8.8.8");
  request.headers = {{"Host", "1.2.3.4"}, {"Cookie", "camweave_session=" + begun()}};
  EXPECT_EQ(access.refusal(request, {.is_public = true})->status, 403);
}

}  // namespace
}  // namespace camweave
