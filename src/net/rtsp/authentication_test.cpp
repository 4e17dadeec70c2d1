#include "net/rtsp/authentication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace camweave::rtsp {
namespace {

using testing::HasSubstr;
using testing::Not;

Request signed_request(std::string_view challenge, std::string_view password) {
  Request request{"ANNOUNCE", "rtsp://h/cam", {}, {}};
  request.headers.emplace_back("Authorization",
                               authorization(challenge, request.method, request.url, "user", password));
  return request;
}

TEST(RtspAuthentication, OurClientSatisfiesOurServer) {
  const Authenticator server("hunter2");
  for (const auto& [name, challenge] : Authenticator::challenges("abc")) {
    EXPECT_TRUE(server.accepts(signed_request(challenge, "hunter2"), "abc")) << challenge;
    EXPECT_FALSE(server.accepts(signed_request(challenge, "hunter3"), "abc")) << challenge;
    EXPECT_THAT(std::string(signed_request(challenge, "hunter2").header("Authorization")), Not(HasSubstr("hunter2")));
  }
}

// The example of RFC 2617 section 3.5 without its qop, reckoned by md5sum.
TEST(RtspAuthentication, DigestAsOthersReckonIt) {
  EXPECT_THAT(authorization("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"", "GET",
                            "/dir/index.html", "Mufasa", "Circle Of Life"),
              HasSubstr("response=\"670fd8c2df070c60b045671b8b24ff02\""));
}

TEST(RtspAuthentication, QopSha256AndOpaqueAreFollowed) {
  const std::string text =
      authorization("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int, auth\", algorithm=SHA-256, opaque=\"o\"", "SETUP",
                    "rtsp://h/c", "u", "p");
  EXPECT_THAT(text, HasSubstr("qop=auth, nc=00000001, cnonce=\""));
  EXPECT_THAT(text, HasSubstr("algorithm=SHA-256"));
  EXPECT_THAT(text, HasSubstr("opaque=\"o\""));
  const size_t response = text.find("response=\"") + 10;
  EXPECT_EQ(text.find('"', response) - response, 64u);
}

TEST(RtspAuthentication, WhatCantBeMetHasNoAnswer) {
  EXPECT_EQ(authorization("Bearer realm=\"r\"", "OPTIONS", "*", "u", "p"), "");
  EXPECT_EQ(authorization("Digest realm=\"r\"", "OPTIONS", "*", "u", "p"), "");
  EXPECT_EQ(authorization("Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess", "OPTIONS", "*", "u", "p"), "");
  EXPECT_EQ(authorization("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"", "OPTIONS", "*", "u", "p"), "");
}

TEST(RtspAuthentication, QuotesInAUsersNameStayInside) {
  EXPECT_THAT(authorization("Digest realm=\"r\", nonce=\"n\"", "OPTIONS", "*", "a\"b", "p"),
              HasSubstr("username=\"a\\\"b\","));
}

TEST(RtspAuthentication, StaleIsNotRefused) {
  EXPECT_TRUE(says_stale("Digest realm=\"r\", nonce=\"n\", stale=TRUE"));
  EXPECT_FALSE(says_stale("Digest realm=\"r\", nonce=\"n\", stale=false"));
  EXPECT_FALSE(says_stale("Basic realm=\"r\""));
}

}  // namespace
}  // namespace camweave::rtsp
