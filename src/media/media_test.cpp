#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmath>
#include <string>

#include "media/control.h"
#include "media/packet_memory.h"
#include "media/video_format.h"

namespace camweave {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<PacketBuffer> store(PacketMemory& memory, const std::string& one, const std::string& two = "") {
  const iovec pieces[] = {{const_cast<char*>(one.data()), one.size()}, {const_cast<char*>(two.data()), two.size()}};
  return memory.store(pieces);
}
std::string text_of(const PacketBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.bytes().data()), buffer.size()};
}

TEST(PacketMemory, HoldsThePiecesOneAfterAnother) {
  auto memory = *PacketMemory::create(1 << 20);
  const auto buffer = store(*memory, "head", "body");
  ASSERT_TRUE(buffer);
  EXPECT_EQ(text_of(*buffer), "headbody");
  EXPECT_EQ(memory->live_bytes(), 8u);
}

TEST(PacketMemory, TheBudgetIsKeptAndComesBack) {
  auto memory = *PacketMemory::create(100'000);
  {
    const auto first = store(*memory, std::string(60'000, 'a'));
    ASSERT_TRUE(first);
    const auto second = store(*memory, std::string(60'000, 'b'));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::exhausted);
    EXPECT_EQ(memory->live_bytes(), 60'000u);
  }
  EXPECT_EQ(memory->live_bytes(), 0u);
  EXPECT_TRUE(store(*memory, std::string(60'000, 'b')));
}

TEST(PacketMemory, ABufferMayOutliveTheMemorysOwner) {
  auto memory = *PacketMemory::create(1 << 20);
  auto buffer = store(*memory, "still here");
  memory.reset();
  EXPECT_EQ(text_of(*buffer), "still here");
}

TEST(PacketMemory, AMovedBufferGivesItsPagesBackOnce) {
  auto memory = *PacketMemory::create(1 << 20);
  auto one = store(*memory, "one");
  PacketBuffer moved = *std::move(one);
  moved = *store(*memory, "second");
  EXPECT_EQ(memory->live_bytes(), 6u);
  moved = PacketBuffer();
  EXPECT_EQ(memory->live_bytes(), 0u);
}

TEST(PacketMemory, FreedPagesLeaveTheMachine) {
  auto memory = *PacketMemory::create(64 << 20);
  auto buffer = store(*memory, std::string(8 << 20, 'x'));
  const int fd = buffer->fd();
  struct stat with {
  }, without{};
  ::fstat(fd, &with);
  buffer = PacketBuffer();
  ::fstat(fd, &without);
  EXPECT_GE(with.st_blocks - without.st_blocks, (8 << 20) / 512);
}

// The rule of docs/design/0002-frame-path.md: what lies in a socket's queue keeps its bytes, whoever gets the region
// next.
TEST(PacketMemory, PagesInASocketsQueueAreNeverWrittenAgain) {
  auto memory = *PacketMemory::create(1 << 20);
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const UniqueFd writer(fds[0]), reader(fds[1]);
  const std::string first(16'000, 'A');
  off_t place = 0;
  {
    const auto buffer = store(*memory, first);
    off_t offset = place = buffer->offset();
    ASSERT_EQ(::sendfile(writer.get(), buffer->fd(), &offset, first.size()), static_cast<ssize_t>(first.size()));
  }
  const auto next = store(*memory, std::string(16'000, 'B'));
  ASSERT_EQ(next->offset(), place);  // the same region, with new pages
  std::string got(first.size(), '\0');
  ASSERT_EQ(::recv(reader.get(), got.data(), got.size(), MSG_WAITALL), static_cast<ssize_t>(got.size()));
  EXPECT_TRUE(got == first);
}

std::vector<Control> schema() {
  Control exposure{.name = "exposure_us",
                   .type = ControlType::integer,
                   .min = 100,
                   .max = 1'000'000,
                   .auto_partner = "auto_exposure"};
  exposure.available = false;
  exposure.why = "auto_exposure is on";
  Control fixed{.name = "lux", .type = ControlType::real, .max = 10};
  fixed.read_only = true;
  return {exposure,
          {.name = "auto_exposure", .type = ControlType::boolean},
          {.name = "gain", .type = ControlType::real, .min = 1, .max = 16},
          {.name = "focus_mode", .type = ControlType::enumeration, .options = {"auto", "manual"}},
          {.name = "trigger", .type = ControlType::action},
          fixed};
}
std::vector<std::string> problems(const ControlValues& wanted) {
  std::vector<std::string> out;
  for (const ControlError& error : check_controls(schema(), wanted)) out.push_back(error.type + ": " + error.message);
  return out;
}

TEST(CheckControls, NamesEachThatIsWrongAndWhy) {
  EXPECT_THAT(problems({{"gain", int64_t{2}}, {"focus_mode", "manual"}, {"trigger", true}, {"auto_exposure", false}}),
              ElementsAre());
  EXPECT_THAT(problems({{"nothing", true}}), ElementsAre("not_found: nothing is not a control of this camera"));
  EXPECT_THAT(problems({{"gain", 17.0}}), ElementsAre("less_than_equal: gain must be <= 16"));
  EXPECT_THAT(problems({{"gain", 0.5}}), ElementsAre("greater_than_equal: gain must be >= 1"));
  EXPECT_THAT(problems({{"gain", std::nan("")}}), ElementsAre("wrong_type: gain must be a number"));
  EXPECT_THAT(problems({{"gain", true}}), ElementsAre(HasSubstr("wrong_type")));
  EXPECT_THAT(problems({{"focus_mode", "macro"}}), ElementsAre("enum: focus_mode must be one of auto, manual"));
  EXPECT_THAT(problems({{"trigger", false}}), ElementsAre(HasSubstr("is an action")));
  EXPECT_THAT(problems({{"lux", 1.0}}), ElementsAre("unavailable: lux is read-only"));
  EXPECT_EQ(problems({{"lux", 1.0}, {"gain", 99.0}}).size(), 2u);
}

TEST(CheckControls, AControlThatIsFreedInTheSameRequestIsFine) {
  EXPECT_THAT(problems({{"exposure_us", int64_t{500}}}),
              ElementsAre("unavailable: exposure_us can't be set now: auto_exposure is on"));
  EXPECT_THAT(problems({{"exposure_us", int64_t{500}}, {"auto_exposure", false}}), ElementsAre());
  EXPECT_THAT(problems({{"exposure_us", 500.5}, {"auto_exposure", false}}),
              ElementsAre("wrong_type: exposure_us must be a whole number"));
}

TEST(VideoFormat, SizesAreReadStrictly) {
  EXPECT_EQ(*parse_size("640x480"), (Size{640, 480}));
  EXPECT_EQ(to_string(Size{640, 480}), "640x480");
  for (const char* bad : {"", "640", "x", "640x", "0x480", "-1x1", "640x480x1", " 640x480", "16385x1", "640X480"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
}

TEST(VideoFormat, FormatsAreKnownByBothTheirNames) {
  for (int i = 1; i <= static_cast<int>(PixelFormat::h265); ++i) {
    const auto format = static_cast<PixelFormat>(i);
    EXPECT_EQ(parse_pixel_format(to_string(format)), format) << to_string(format);
  }
  EXPECT_EQ(parse_pixel_format("yuy2"), PixelFormat::yuyv);
  EXPECT_EQ(parse_pixel_format("SRGGB8"), PixelFormat::bayer_rggb8);
  EXPECT_FALSE(parse_pixel_format("P010"));
  EXPECT_EQ(parse_codec("HEVC"), Codec::h265);
  EXPECT_EQ(parse_codec("mjpeg"), Codec::jpeg);
  EXPECT_TRUE(is_compressed(PixelFormat::jpeg));
  EXPECT_TRUE(is_bayer(PixelFormat::bayer_bggr8));
}

TEST(Rendition, IsSaidInWords) {
  EXPECT_EQ(to_string(Rendition{.size = {640, 480}, .fps_milli = 12'500, .quality = 70, .rotation = 90}),
            "jpeg 640x480 12.5 fps q70 rotated 90");
}

}  // namespace
}  // namespace camweave
