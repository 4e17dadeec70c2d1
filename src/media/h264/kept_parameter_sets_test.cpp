#include "media/h264/kept_parameter_sets.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace camweave {
namespace {

using namespace std::string_literals;

const std::string start = "\0\0\0\1"s;
const std::string sps = start + "\x67SPS", pps = start + "\x68PPS", aud = start + "\x09\x10";
const std::string keyframe = start + "\x65key", other = start + "\x41other";

class KeptParameterSetsTest : public ::testing::Test {
 protected:
  // What goes out for a unit.
  std::string out(std::string_view unit, Codec codec = Codec::h264) {
    const auto mended = kept_.put_before_keyframe(codec, std::as_bytes(std::span(unit)));
    if (!mended) return std::string(unit);
    return {reinterpret_cast<const char*>(mended->data()), mended->size()};
  }
  KeptParameterSets kept_;
};

TEST_F(KeptParameterSetsTest, ACameraThatSendsThemOnceGetsThemBeforeEachKeyframe) {
  EXPECT_EQ(out(sps + pps + keyframe), sps + pps + keyframe);
  EXPECT_EQ(out(other), other);
  EXPECT_EQ(out(keyframe), sps + pps + keyframe);
  EXPECT_EQ(out(aud + keyframe), aud + sps + pps + keyframe) << "a delimiter stays in front";
}

TEST_F(KeptParameterSetsTest, SetsInAPacketOfTheirOwnCountToo) {
  EXPECT_EQ(out(sps + pps), sps + pps);
  EXPECT_EQ(out(keyframe), sps + pps + keyframe);
}

TEST_F(KeptParameterSetsTest, TheNewestCount) {
  out(sps + pps + keyframe);
  const std::string newer = start + "\x67NEW" + pps;
  out(newer + keyframe);
  EXPECT_EQ(out(keyframe), newer + keyframe);
}

TEST_F(KeptParameterSetsTest, BeforeAnyWereSeenNothingIsPutIn) { EXPECT_EQ(out(keyframe), keyframe); }

TEST_F(KeptParameterSetsTest, H265) {
  const std::string sets = start + "\x40\x01VPS" + start + "\x42\x01SPS" + start + "\x44\x01PPS",
                    idr = start + "\x26\x01key";
  out(sets + idr, Codec::h265);
  EXPECT_EQ(out(idr, Codec::h265), sets + idr);
}

}  // namespace
}  // namespace camweave
