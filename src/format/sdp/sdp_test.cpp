#include "format/sdp/sdp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace camweave::sdp {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

TEST(Base64, AllThreeEndings) {
  EXPECT_EQ(base64(bytes("")), "");
  EXPECT_EQ(base64(bytes("f")), "Zg==");
  EXPECT_EQ(base64(bytes("fo")), "Zm8=");
  EXPECT_EQ(base64(bytes("foo")), "Zm9v");
  EXPECT_EQ(base64(bytes("foobar")), "Zm9vYmFy");
}

TEST(Sdp, H264CarriesProfileAndParameterSets) {
  const std::string_view keyframe("\0\0\0\1\x67\x42\xc0\x1f\x11\0\0\0\1\x68\xce\0\0\1\x65\x88", 20);
  const auto sets = find_parameter_sets(Codec::h264, bytes(keyframe));
  ASSERT_TRUE(sets);
  const std::string text = serialize({.session_name = "cam0",
                                      .address = "0.0.0.0",
                                      .fps_milli = 29'970,
                                      .sets = *sets,
                                      .control = "trackID=0"});
  EXPECT_THAT(text, HasSubstr("m=video 0 RTP/AVP 96\r\n"));
  EXPECT_THAT(text, HasSubstr("profile-level-id=42c01f;sprop-parameter-sets=Z0LAHxE=,aM4="));
  EXPECT_THAT(text, HasSubstr("a=framerate:29.97\r\n"));
  EXPECT_THAT(text, HasSubstr("a=control:trackID=0\r\n"));
}

TEST(Sdp, AKeyframeWithoutSetsHasNone) {
  EXPECT_FALSE(find_parameter_sets(Codec::h264, bytes(std::string_view("\0\0\1\x65\x88", 5))));
}

TEST(Sdp, AnAnnouncementDoesNotSpeakForTheReceiver) {
  EXPECT_THAT(serialize({.codec = Codec::jpeg, .control = "trackID=0"}), HasSubstr("a=recvonly"));
  EXPECT_THAT(serialize({.codec = Codec::jpeg, .is_announced = true, .control = "trackID=0"}), testing::Not(HasSubstr("a=recvonly")));
}

TEST(Sdp, JpegIsTheStaticType) {
  EXPECT_THAT(serialize({.codec = Codec::jpeg, .payload_type = 26, .control = "trackID=0"}), HasSubstr("a=rtpmap:26 JPEG/90000"));
}

}  // namespace
}  // namespace camweave::sdp
