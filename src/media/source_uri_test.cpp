#include "media/source_uri.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

TEST(SourceUri, TakesDriverPathAndOptionsApart) {
  const auto uri = parse_source_uri("pattern:bars?size=640x480&fps=30");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->scheme, "pattern");
  EXPECT_EQ(uri->rest, "bars");
  EXPECT_EQ(uri->options.at("size"), "640x480");
  EXPECT_EQ(uri->options.at("fps"), "30");
}

TEST(SourceUri, AFlagOptionIsOne) { EXPECT_EQ(parse_source_uri("file:a.mp4?loop")->options.at("loop"), "1"); }

TEST(SourceUri, LeavesCommandsAndAddressesWhole) {
  EXPECT_EQ(parse_source_uri("exec:ffmpeg -i a?b=c -f mjpeg -")->rest, "ffmpeg -i a?b=c -f mjpeg -");
  EXPECT_EQ(parse_source_uri("RTSP://host/p?a=1")->rest, "RTSP://host/p?a=1");
  EXPECT_EQ(parse_source_uri("v4l2:serial=A:1")->rest, "serial=A:1");
}

TEST(SourceUri, RefusesWhatIsNoSource) {
  for (const char* text : {"", "bars", ":x", "a b:c", "pattern:bars?size=%zz", "pattern:bars?a=1&a=2", "file:a?=1", "file:a\nb"}) {
    EXPECT_FALSE(parse_source_uri(text)) << text;
  }
}

TEST(SourceUri, NoSecretIsLeftInTheRedactedForm) {
  for (const char* text : {"rtsp://user:hunter2@host/p", "http://u:hun/ter2@host/p", "http://host/p?token=hunter2&x=1",
                           "exec:ffmpeg -i rtsp://a:hunter2@h/1 -i rtsp://b:hunter2@h/2 -", "rtsp://u:hunter2@x@host/",
                           "http://host/?user=a&Password=hunter2"}) {
    EXPECT_EQ(parse_source_uri(text)->redacted.find("hunter2"), std::string::npos) << parse_source_uri(text)->redacted;
    EXPECT_EQ(parse_source_uri(text)->redacted.find("ter2"), std::string::npos);
  }
  EXPECT_EQ(redact_url("rtsp://user:hunter2@host/p?x=1"), "rtsp://***@host/p?x=1");
  EXPECT_EQ(redact_url("rtsp://host/a@b"), "rtsp://host/a@b");
}

TEST(PercentDecode, DecodesAndRefusesBadEscapes) {
  EXPECT_EQ(*percent_decode("a%20b%2F"), "a b/");
  for (const char* text : {"%", "%1", "%zz", "%00"}) EXPECT_FALSE(percent_decode(text)) << text;
}

}  // namespace
}  // namespace camweave
