#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "capture/coded_frame.h"
#include "capture/decode/annexb_filter.h"
#include "capture/decode/media_input.h"
#include "capture/decode/on_demand_decoder.h"
#include "capture/decode/packet_decoder.h"

namespace camweave {
namespace {

std::string made_by_ffmpeg(const std::string& arguments, const std::string& name) {
  const std::string path = testing::TempDir() + "decode_" + name;
  const std::string command = "ffmpeg -v error -y " + arguments + " " + path;
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return path;
}

std::vector<VideoDecoder::Picture> decode_all(const std::string& path) {
  std::vector<VideoDecoder::Picture> pictures;
  auto input = MediaInput::open({.url = path, .shown = path, .options = {}});
  EXPECT_TRUE(input) << input.error().message;
  if (!input) return pictures;
  auto decoder = VideoDecoder::create(*input->video().codecpar, DecodeDelay::smooth);
  EXPECT_TRUE(decoder);
  const auto keep = [&](VideoDecoder::Picture picture) { pictures.push_back(std::move(picture)); };
  libav::PacketOwner packet(av_packet_alloc());
  while (*input->read(*packet)) EXPECT_TRUE(decoder->decode(packet.get(), keep));
  EXPECT_TRUE(decoder->decode(nullptr, keep));
  return pictures;
}

struct Rgb {
  double r, g, b;
};
// As a JPEG's reader sees the pixel: full range, BT.601.
Rgb rgb_at(const Frame& frame, size_t x, size_t y) {
  const auto at = [&](int plane, size_t column, size_t row) {
    return static_cast<double>(
        std::to_integer<int>(frame.planes[plane].data[row * frame.planes[plane].stride_bytes + column]));
  };
  const double luma = at(0, x, y), u = at(1, x / 2, y / 2) - 128, v = at(2, x / 2, y / 2) - 128;
  return {luma + 1.402 * v, luma - 0.344 * u - 0.714 * v, luma + 1.772 * u};
}

void expect_colour(const Frame& frame, Rgb wanted) {
  const Rgb got = rgb_at(frame, static_cast<size_t>(frame.size.width) / 2, static_cast<size_t>(frame.size.height) / 2);
  EXPECT_NEAR(got.r, wanted.r, 5);
  EXPECT_NEAR(got.g, wanted.g, 5);
  EXPECT_NEAR(got.b, wanted.b, 5);
}

TEST(VideoDecoder, ColoursAreThoseOfTheSourceInEveryRangeAndMatrix) {
  const std::string colour = "-f lavfi -i color=c=0xC03060:s=";
  const std::string tags = " -frames:v 3 -c:v libx264 -qp 4 -pix_fmt yuv420p ";
  const struct {
    const char* name;
    std::string arguments;
  } cases[] = {
      {"601.mp4", colour + "320x240" + tags + "-vf scale=out_color_matrix=bt601 -colorspace smpte170m"},
      {"709.mp4", colour + "320x240" + tags + "-vf scale=out_color_matrix=bt709 -colorspace bt709"},
      {"hd.mp4", colour + "1280x720" + tags + "-vf scale=out_color_matrix=bt709"},
      {"full.mp4",
       colour + "320x240 -frames:v 3 -c:v libx264 -qp 4 -vf scale=out_range=full,format=yuvj420p -color_range pc"},
      {"444.mp4", colour + "320x240 -frames:v 3 -c:v libx264 -qp 4 -pix_fmt yuv444p"},
      {"rgb.avi", colour + "320x240 -frames:v 3 -c:v ffv1 -pix_fmt bgr0"},
      {"mjpeg.avi", colour + "321x241 -frames:v 3 -c:v mjpeg -q:v 1"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const auto pictures = decode_all(made_by_ffmpeg(one.arguments, one.name));
    ASSERT_EQ(pictures.size(), 3u);
    EXPECT_EQ(pictures[0].frame.format, PixelFormat::i420);
    expect_colour(pictures[2].frame, {0xc0, 0x30, 0x60});
  }
}

TEST(VideoDecoder, PicturesComeInTheOrderTheyAreShown) {
  const auto pictures =
      decode_all(made_by_ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25 -frames:v 30 -c:v libx264 -bf 3", "order.mp4"));
  ASSERT_EQ(pictures.size(), 30u);
  for (size_t i = 1; i < pictures.size(); ++i) EXPECT_GT(pictures[i].pts, pictures[i - 1].pts);
}

TEST(VideoDecoder, DamagedDataIsAnErrorAndNoEnd) {
  auto decoder = VideoDecoder::create_live(AV_CODEC_ID_H264);
  ASSERT_TRUE(decoder);
  const auto noise = libav::make_packet(std::vector<std::byte>(500, std::byte{0x41}), true, 0);
  EXPECT_FALSE(decoder->decode(noise.get(), [](auto) { FAIL(); }));
  EXPECT_FALSE(decoder->decode(noise.get(), [](auto) { FAIL(); }));
}

TEST(OnDemandDecoder, AfterAPauseTheNextPacketGivesItsPicture) {
  const auto path =
      made_by_ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25 -frames:v 40 -c:v libx264 -bf 0 -g 40", "long_gop.mp4");
  auto input = MediaInput::open({.url = path, .shown = path, .options = {}});
  OnDemandDecoder decoder(*VideoDecoder::create(*input->video().codecpar, DecodeDelay::low));
  std::vector<int64_t> shown;
  libav::PacketOwner packet(av_packet_alloc());
  int64_t resumed_at = 0;
  for (int i = 0; *input->read(*packet); ++i) {
    const bool wanted = i < 5 || i >= 30;
    if (i == 30) resumed_at = packet->pts;
    EXPECT_TRUE(decoder.push(*packet, wanted, [&](VideoDecoder::Picture picture) { shown.push_back(picture.pts); }));
  }
  ASSERT_EQ(shown.size(), 15u);
  EXPECT_EQ(shown[5], resumed_at);
}

// 40 pictures of one GOP, as a camera gives them.
std::vector<CapturedFrame> h264_packets() {
  const auto path =
      made_by_ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25 -frames:v 40 -c:v libx264 -bf 0 -g 20", "packets.mp4");
  auto input = MediaInput::open({.url = path, .shown = path, .options = {}});
  auto filter = AnnexBFilter::create(input->video());
  std::vector<CapturedFrame> packets;
  libav::PacketOwner packet(av_packet_alloc());
  while (*input->read(*packet)) {
    EXPECT_TRUE(filter->push(*packet, [&](const AVPacket& unit) {
      CapturedFrame captured;
      const auto* bytes = reinterpret_cast<const std::byte*>(unit.data);
      captured.frame = make_coded_frame(PixelFormat::h264, {bytes, static_cast<size_t>(unit.size)}, {64, 64},
                                        (unit.flags & AV_PKT_FLAG_KEY) != 0,
                                        from_nanoseconds(1'000'000 * int64_t(packets.size() + 1)));
      captured.frame.sequence = 500 + packets.size();
      captured.frame.metadata.exposure_us = static_cast<uint32_t>(packets.size() + 1);
      packets.push_back(std::move(captured));
    }));
  }
  return packets;
}

// Keeps what a PacketDecoder gives.
struct Shown {
  PacketDecoder::Listener listener() {
    return {.picture =
                [this](const CapturedFrame& picture) {
                  MutexLock lock(mutex);
                  pictures.push_back(picture);
                },
            .failed = [](const CapturedFrame&, const Error& why) { ADD_FAILURE() << why.message; },
            .dropped = [this](uint64_t count) { dropped += count; }};
  }
  std::vector<CapturedFrame> wait_for(size_t count) {
    for (int i = 0; i < 2000; ++i) {
      {
        MutexLock lock(mutex);
        if (pictures.size() >= count) return pictures;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "no " << count << " pictures";
    return {};
  }
  Mutex mutex;
  std::vector<CapturedFrame> pictures GUARDED_BY(mutex);
  std::atomic<uint64_t> dropped{0};
};

TEST(PacketDecoder, PicturesHaveTheirPacketsNumberTimeAndMetadata) {
  const auto packets = h264_packets();
  ASSERT_EQ(packets.size(), 40u);
  Shown shown;
  PacketDecoder decoder(shown.listener());
  for (size_t i = 0; i < 20; ++i) {
    decoder.push(packets[i], true);
    shown.wait_for(i + 1);
  }
  const auto pictures = shown.wait_for(20);
  ASSERT_EQ(pictures.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(pictures[i].frame.sequence, packets[i].frame.sequence);
    EXPECT_EQ(pictures[i].frame.capture_time, packets[i].frame.capture_time);
    EXPECT_EQ(pictures[i].frame.metadata, packets[i].frame.metadata);
    EXPECT_EQ(pictures[i].frame.format, PixelFormat::i420);
    EXPECT_EQ(pictures[i].decoded_from, PixelFormat::h264);
    EXPECT_TRUE(pictures[i].frame.keyframe) << "a picture can be taken alone";
  }
  EXPECT_EQ(shown.dropped, 0u);
}

TEST(PacketDecoder, WhoBeginsInTheMiddleOfAGopGetsThePictureOfNow) {
  const auto packets = h264_packets();
  Shown shown;
  PacketDecoder decoder(shown.listener());
  for (size_t i = 0; i < 12; ++i) decoder.push(packets[i], false);
  decoder.push(packets[12], true);
  auto pictures = shown.wait_for(1);
  ASSERT_EQ(pictures.size(), 1u);
  EXPECT_EQ(pictures[0].frame.sequence, packets[12].frame.sequence);
  decoder.push(packets[13], false);
  decoder.push(packets[14], true);
  pictures = shown.wait_for(2);
  EXPECT_EQ(pictures[1].frame.sequence, packets[14].frame.sequence) << "after a pause, too";
}

TEST(PacketDecoder, NothingComesBeforeTheFirstKeyframe) {
  const auto packets = h264_packets();
  Shown shown;
  PacketDecoder decoder(shown.listener());
  for (size_t i = 15; i < 22; ++i) decoder.push(packets[i], true);
  const auto pictures = shown.wait_for(2);
  ASSERT_EQ(pictures.size(), 2u);
  EXPECT_EQ(pictures[0].frame.sequence, packets[20].frame.sequence);
}

TEST(PacketDecoder, AStandingSourceShowsItsNewestPictureAgain) {
  const auto packets = h264_packets();
  Shown shown;
  PacketDecoder decoder(shown.listener());
  for (size_t i = 0; i < 3; ++i) decoder.push(packets[i], false);
  decoder.repeat(700, from_nanoseconds(9'000'000'000), UnixMicroseconds(5), false);
  decoder.repeat(701, from_nanoseconds(9'100'000'000), UnixMicroseconds(6), true);
  const auto pictures = shown.wait_for(2);
  ASSERT_EQ(pictures.size(), 2u);
  EXPECT_EQ(pictures[1].frame.sequence, 701u);
  EXPECT_EQ(pictures[1].frame.capture_time, from_nanoseconds(9'100'000'000));
  EXPECT_EQ(pictures[1].frame.planes[0].data, pictures[0].frame.planes[0].data);
}

TEST(MediaInput, SaysWhatIsWrongWithoutTheAddressItself) {
  const auto missing = MediaInput::open({.url = "/nowhere/secret.mp4", .shown = "file X", .options = {}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(missing.error().message, "file X: No such file or directory");
  const auto sound =
      MediaInput::open({.url = made_by_ffmpeg("-f lavfi -i sine=d=1", "sound.wav"), .shown = "file Y", .options = {}});
  ASSERT_FALSE(sound);
  EXPECT_EQ(sound.error().message, "file Y: no video in it");
}

}  // namespace
}  // namespace camweave
