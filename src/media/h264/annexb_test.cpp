#include "media/h264/annexb.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace camweave::h264 {
namespace {

std::vector<std::byte> output_of(const std::string& command) {
  std::vector<std::byte> out;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::byte chunk[4096];
  while (const size_t got = std::fread(chunk, 1, sizeof chunk, pipe)) out.insert(out.end(), chunk, chunk + got);
  ::pclose(pipe);
  return out;
}

// What x264 makes of a moving picture: B pictures and several slices, so that every rule of a unit's start is met.
std::vector<std::byte> encoded(int frames, const std::string& size, const std::string& options) {
  return output_of("ffmpeg -v error -f lavfi -i testsrc2=s=" + size + ":r=25 -frames:v " + std::to_string(frames) +
                   " -pix_fmt yuv420p -c:v libx264 -g 5 " + options + " -f h264 -");
}

struct Unit {
  std::vector<std::byte> bytes;
  bool keyframe;
  Size size;
  bool operator==(const Unit&) const = default;
};

std::vector<Unit> split(std::span<const std::byte> stream, size_t chunk, uint64_t* skipped = nullptr,
                        size_t max = 1 << 24) {
  AnnexBSplitter splitter(max);
  std::vector<Unit> units;
  const auto keep = [&](const AccessUnit& unit) {
    units.push_back({{unit.bytes.begin(), unit.bytes.end()}, unit.keyframe, unit.size});
  };
  for (size_t at = 0; at < stream.size(); at += chunk) {
    splitter.push(stream.subspan(at, std::min(chunk, stream.size() - at)), keep);
  }
  splitter.flush(keep);
  if (skipped) *skipped = splitter.skipped_bytes();
  return units;
}

TEST(AnnexB, EachPictureIsOneUnitWhateverTheTearing) {
  for (const char* options : {"", "-x264-params slices=4", "-x264-params aud=1:slices=2", "-bf 0 -tune zerolatency"}) {
    const auto stream = encoded(12, "322x182", options);
    const auto whole = split(stream, stream.size());
    ASSERT_EQ(whole.size(), 12u) << options;
    EXPECT_TRUE(whole[0].keyframe);
    EXPECT_FALSE(whole[1].keyframe);
    EXPECT_EQ(whole[0].size, (Size{322, 182}));
    size_t bytes = 0;
    for (const Unit& unit : whole) bytes += unit.bytes.size();
    EXPECT_EQ(bytes, stream.size());
    for (const size_t chunk : {1, 2, 3, 7, 1000}) EXPECT_TRUE(split(stream, chunk) == whole) << options << " " << chunk;
  }
}

TEST(AnnexB, GarbageBeforeTheStreamIsSkippedAndCounted) {
  auto stream = encoded(3, "64x64", "");
  const auto clean = split(stream, 100);
  stream.insert(stream.begin(), 500, std::byte{0x55});
  uint64_t skipped = 0;
  EXPECT_TRUE(split(stream, 100, &skipped) == clean);
  EXPECT_EQ(skipped, 500u);
}

TEST(AnnexB, AUnitOverTheBoundIsSkippedAndTheNextIsWhole) {
  const auto stream = encoded(6, "320x240", "-bf 0");
  const auto clean = split(stream, stream.size());
  uint64_t skipped = 0;
  const auto bounded = split(stream, 64, &skipped, clean[0].bytes.size() - 500);
  EXPECT_GE(skipped, clean[0].bytes.size());
  ASSERT_FALSE(bounded.empty());
  EXPECT_TRUE(bounded[0] == clean[1]);
}

TEST(Sps, RefusesWhatIsTorn) {
  const auto stream = encoded(1, "1920x1080", "-profile:v high444 -pix_fmt yuv444p");
  const auto units = split(stream, stream.size());
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(units[0].size, (Size{1920, 1080}));
  const std::byte torn[] = {std::byte{0x67}, std::byte{0x64}, std::byte{0}, std::byte{0x1f}, std::byte{0xac}};
  for (size_t size = 0; size <= sizeof torn; ++size) EXPECT_FALSE(parse_sps(std::span(torn).first(size)));
}

std::vector<std::byte> bytes_of(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

TEST(Sps, SaysWhetherPicturesMayComeInAnotherOrder) {
  struct Case {
    const char* what;
    const char* hex;
    bool may_reorder;
  };
  for (const Case& c : {Case{"x264, B-frames", "6764000dacd94141fb011000000300100000030320f1429960", true},
                        Case{"x264, no B-frames", "6764000dacb20283f60220000003002000000641e28549", false},
                        Case{"x264, zerolatency", "6742c00dda0507ec0440000003004000000ca3c50aa8", false},
                        Case{"baseline", "6742c00dd90141fb011000000300100000030320f142a480", false},
                        Case{"baseline without its VUI", "6742c00dd90141fb", false}}) {
    const auto parameters = parse_sps(bytes_of(c.hex));
    ASSERT_TRUE(parameters) << c.what << ": " << parameters.error().message;
    EXPECT_EQ(parameters->size, (Size{320, 240})) << c.what;
    EXPECT_EQ(parameters->may_reorder, c.may_reorder) << c.what;
  }
}

}  // namespace
}  // namespace camweave::h264
