#include "net/rtsp/rtsp_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace camweave::rtsp {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RtspUrl, TakesEveryPartApart) {
  const auto url = parse_rtsp_url("rtsps://publisher:p%40ss%2F@media.example:8322/live/cam?quality=high");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "media.example");
  EXPECT_EQ(url->port, 8322);
  EXPECT_EQ(url->user, "publisher");
  EXPECT_EQ(url->password, "p@ss/");
  EXPECT_EQ(url->request_url, "rtsps://media.example:8322/live/cam?quality=high");
  EXPECT_EQ(url->redacted, "rtsps://***@media.example:8322/live/cam?quality=high");
}

TEST(RtspUrl, PortsGoWithTheScheme) {
  EXPECT_EQ(parse_rtsp_url("rtsp://h/cam")->port, 554);
  EXPECT_EQ(parse_rtsp_url("rtsps://h/cam")->port, 322);
  EXPECT_EQ(parse_rtsp_url("rtsp://h:8554")->port, 8554);
}

TEST(RtspUrl, AddressesOfBothKinds) {
  const auto v6 = parse_rtsp_url("rtsp://u@[2001:db8::1]:8554/cam/");
  ASSERT_TRUE(v6) << v6.error().message;
  EXPECT_EQ(v6->host, "2001:db8::1");
  EXPECT_EQ(v6->request_url, "rtsp://[2001:db8::1]:8554/cam");
  EXPECT_EQ(parse_rtsp_url("rtsp://127.0.0.1/cam")->host, "127.0.0.1");
  EXPECT_FALSE(parse_rtsp_url("rtsp://[2001:db8::1/cam"));
  EXPECT_FALSE(parse_rtsp_url("rtsp://[::1]x/cam"));
}

TEST(RtspUrl, SecretsInTheQueryAreHidden) {
  const auto url = parse_rtsp_url("rtsp://h/cam?token=hunter2&x=1");
  ASSERT_TRUE(url);
  EXPECT_THAT(url->redacted, Not(HasSubstr("hunter2")));
  EXPECT_THAT(url->request_url, HasSubstr("hunter2"));
}

TEST(RtspUrl, RefusesWithoutRepeatingThePassword) {
  for (const char* text : {"http://u:hunter2@h/cam", "rtsp://u:hunter2@/cam", "rtsp://u:hunter2@h:0/cam",
                           "rtsp://u:hunter2@h:70000/cam", "rtsp://u:hunter2%@h/cam", "rtsp://u:hunter2%00@h/cam",
                           "rtsp://u:hunter2%0d%0aX:@h/cam", "rtsp://u:hunter2@h h/cam", "rtsp://u:hunter2/2@h/cam",
                           "rtsp://u:hunter2@h/cam#x", "rtsp://u:hunter2@h:x/cam", "", "rtsp://"}) {
    const auto url = parse_rtsp_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message, Not(HasSubstr("hunter2")));
  }
  EXPECT_FALSE(parse_rtsp_url("rtsp://h/" + std::string(3000, 'x')));
  EXPECT_FALSE(parse_rtsp_url("rtsp://h/cam\r\nX: y"));
}

}  // namespace
}  // namespace camweave::rtsp
