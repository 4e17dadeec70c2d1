#include "encode/h264/h264_encoder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

extern "C" {
#include <libavcodec/avcodec.h>
}

#include "media/h264/nal.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;

// Noise, so that the rate control has something to hold down.
class H264EncoderTest : public ::testing::Test {
 protected:
  Frame frame(int number, Size size = {320, 240}, PixelFormat format = PixelFormat::grey) {
    auto pixels = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(size.width * size.height));
    uint32_t random = static_cast<uint32_t>(number) * 2654435761u + 1;
    for (auto& pixel : *pixels) {
      random = random * 1664525u + 1013904223u;
      pixel = std::byte(random >> 24);
    }
    Frame made;
    made.format = format;
    made.size = size;
    made.planes[0] = {pixels->data(), static_cast<size_t>(size.width), pixels->size()};
    made.capture_time = from_nanoseconds(1'000'000'000) + number * 33'333'333ns;
    made.buffer = pixels;
    return made;
  }
  EncodedPicture encode(Encoder& encoder, const Frame& frame) {
    auto picture = encoder.encode(frame, out_);
    EXPECT_TRUE(picture) << picture.error().message;
    return picture ? *picture : EncodedPicture{};
  }
  std::vector<std::byte> out_ = std::vector<std::byte>(4 << 20);
};

TEST_F(H264EncoderTest, EveryFrameGivesItsPictureAtOnceAndTheFirstIsAKeyframeWithItsSets) {
  auto encoder = make_h264_encoder({.codec = Codec::h264}, frame(0));
  ASSERT_TRUE(encoder) << encoder.error().message;
  for (int i = 0; i < 5; ++i) {
    const auto picture = encode(**encoder, frame(i));
    ASSERT_GT(picture.size_bytes, 0u);
    EXPECT_EQ(picture.keyframe, i == 0);
    EXPECT_EQ(picture.size, (Size{320, 240}));
    bool has_sps = false;
    for_each_nal(std::span(out_).first(picture.size_bytes), [&](NalUnit nal) { has_sps |= h264::type_of(nal) == h264::NalType::sps; });
    EXPECT_EQ(has_sps, i == 0);
  }
}

TEST_F(H264EncoderTest, AKeyframeComesEveryTwoSecondsAndOnRequest) {
  auto encoder = make_h264_encoder({.codec = Codec::h264}, frame(0));
  std::vector<int> keyframes;
  for (int i = 0; i < 130; ++i) {
    if (i == 20) (*encoder)->request_keyframe();
    if (encode(**encoder, frame(i)).keyframe) keyframes.push_back(i);
  }
  EXPECT_EQ(keyframes, (std::vector<int>{0, 20, 80}));
}

TEST_F(H264EncoderTest, TheBitrateIsHeldAndChangesWithoutANewStream) {
  auto encoder = make_h264_encoder({.codec = Codec::h264, .bitrate_kbps = 2000}, frame(0));
  const auto kbps_of_next = [&](int from, int count) {
    size_t bytes = 0;
    for (int i = from; i < from + count; ++i) bytes += encode(**encoder, frame(i)).size_bytes;
    return static_cast<double>(bytes) * 8 / 1000 / (count / 30.0);
  };
  kbps_of_next(0, 60);
  EXPECT_NEAR(kbps_of_next(60, 120), 2000, 400);
  ASSERT_TRUE((*encoder)->set_bitrate(800));
  kbps_of_next(180, 60);
  EXPECT_NEAR(kbps_of_next(240, 120), 800, 200);
}

std::vector<std::byte> sequence_parameters(std::span<const std::byte> unit) {
  std::vector<std::byte> found;
  for_each_nal(unit, [&](NalUnit nal) {
    if (h264::type_of(nal) == h264::NalType::sps) found.assign(nal.begin(), nal.end());
  });
  return found;
}

TEST_F(H264EncoderTest, AChangedBitrateLeavesTheParameterSets) {
  auto encoder = make_h264_encoder({.codec = Codec::h264, .bitrate_kbps = 2000}, frame(0));
  const auto before = sequence_parameters(std::span(out_).first(encode(**encoder, frame(0)).size_bytes));
  ASSERT_TRUE((*encoder)->set_bitrate(500));
  EXPECT_FALSE(encode(**encoder, frame(1)).keyframe) << "the stream goes on";
  (*encoder)->request_keyframe();
  const auto after = sequence_parameters(std::span(out_).first(encode(**encoder, frame(2)).size_bytes));
  EXPECT_FALSE(before.empty());
  EXPECT_EQ(before, after);
}

TEST_F(H264EncoderTest, WithoutHardwareItIsX264) {
  const H264Devices none{"/nowhere/video11", "/nowhere/dri"};
  auto encoder = make_h264_encoder({.codec = Codec::h264}, frame(0), none);
  ASSERT_TRUE(encoder) << encoder.error().message;
  EXPECT_STREQ((*encoder)->name(), "libx264");
}

// Nodes that are there and are no encoders: each is tried, and the next one taken.
TEST_F(H264EncoderTest, HardwareThatDoesNotEncodeIsPassedOver) {
  const std::string folder = testing::TempDir() + "dri/";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "renderD128") << "no device";
  const H264Devices useless{"/dev/null", folder};
  auto encoder = make_h264_encoder({.codec = Codec::h264}, frame(0), useless);
  ASSERT_TRUE(encoder) << encoder.error().message;
  EXPECT_STREQ((*encoder)->name(), "libx264");
  EXPECT_GT(encode(**encoder, frame(0)).size_bytes, 0u);
}

TEST_F(H264EncoderTest, TheReasonNamesTheDevice) {
  const H264Settings settings{{320, 240}, 30'000, 1000};
  const auto v4l2 = h264_candidate(0).open(settings, {"/nowhere/video11", "/nowhere/dri"});
  ASSERT_FALSE(v4l2);
  EXPECT_EQ(v4l2.error().message, "h264_v4l2m2m: no /nowhere/video11");
  const auto vaapi = h264_candidate(1).open(settings, {"/nowhere/video11", "/nowhere/dri"});
  ASSERT_FALSE(vaapi);
  EXPECT_EQ(vaapi.error().message, "h264_vaapi: no /nowhere/dri/renderD… that can be used");
}

TEST_F(H264EncoderTest, OddSizesLoseARowAndAColumn) {
  auto encoder = make_h264_encoder({.codec = Codec::h264}, frame(0, {321, 241}));
  ASSERT_TRUE(encoder);
  EXPECT_EQ(encode(**encoder, frame(0, {321, 241})).size, (Size{320, 240}));
}

TEST_F(H264EncoderTest, WhatComesOutDecodes) {
  auto encoder = make_h264_encoder({.codec = Codec::h264, .size = {160, 120}}, frame(0));
  AVCodecContext* decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
  ASSERT_EQ(avcodec_open2(decoder, nullptr, nullptr), 0);
  AVPacket* packet = av_packet_alloc();
  AVFrame* decoded = av_frame_alloc();
  int pictures = 0;
  for (int i = 0; i < 10; ++i) {
    const auto picture = encode(**encoder, frame(i));
    packet->data = reinterpret_cast<uint8_t*>(out_.data());
    packet->size = static_cast<int>(picture.size_bytes);
    EXPECT_EQ(avcodec_send_packet(decoder, packet), 0);
    while (avcodec_receive_frame(decoder, decoded) == 0) {
      ++pictures;
      EXPECT_EQ(decoded->width, 160);
      EXPECT_EQ(decoded->color_range, AVCOL_RANGE_JPEG);
    }
  }
  EXPECT_GE(pictures, 9);
  av_frame_free(&decoded);
  packet->data = nullptr;
  av_packet_free(&packet);
  avcodec_free_context(&decoder);
}

}  // namespace
}  // namespace camweave
