#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "capture/file/file_camera.h"
#include "capture/file/picture_cache.h"
#include "capture/file/picture_source.h"
#include "capture/file/playback_clock.h"
#include "capture/running_camera.h"
#include "media/h264/nal.h"
#include "media/jpeg/header.h"

namespace camweave::file {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string folder() {
  static const std::string made = [] {
    std::string path = testing::TempDir() + "camweave_file_test";
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path + "/pictures");
    std::filesystem::create_directories(path + "/twice");
    return path + "/";
  }();
  return made;
}

std::string made_by_ffmpeg(const std::string& arguments, const std::string& name) {
  std::string path = folder() + name;
  const std::string command = "ffmpeg -v error -y " + arguments + " '" + path + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return path;
}

class Running : public RunningCamera {
 public:
  explicit Running(const std::string& source, bool wanted = true, ControlValues controls = {})
      : RunningCamera(make_camera, request(source, std::move(controls)), wanted) {}

 private:
  static CameraRequest request(const std::string& source, ControlValues controls) {
    CameraRequest request;
    request.source = *parse_source_uri("file:" + source);
    request.first_sequence = 7;
    request.controls = std::move(controls);
    return request;
  }
};

void expect_even(const std::vector<FakeSink::Seen>& seen, std::chrono::nanoseconds interval) {
  for (size_t i = 1; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].sequence, seen[i - 1].sequence + 1);
    const auto gap = seen[i].capture_time - seen[i - 1].capture_time;
    // A stop of the machine for half a second is caught up with by a jump, not by hurrying: longer, never shorter.
    EXPECT_GE(gap, interval - 2ms) << i;
  }
}

TEST(PlaybackClock, PassesFollowOneAnotherWithoutAGap) {
  PlaybackClock clock;
  const Timestamp start = from_nanoseconds(1'000'000'000);
  EXPECT_EQ(clock.due(0ms, 1, start), start);
  EXPECT_EQ(clock.due(40ms, 1, start), start + 40ms);
  clock.next_pass(40ms);
  EXPECT_EQ(clock.due(0ms, 1, start), start + 80ms);
  EXPECT_EQ(clock.due(40ms, 2, start), start + 100ms);
  EXPECT_EQ(clock.due_again(40ms, start), start + 140ms);
  EXPECT_EQ(clock.due(80ms, 1, start), start + 180ms);
}

TEST(PlaybackClock, AfterALongHoldItGoesOnFromNow) {
  PlaybackClock clock;
  const Timestamp start = from_nanoseconds(1'000'000'000);
  clock.due(0ms, 1, start);
  EXPECT_EQ(clock.due(40ms, 1, start + 10s), start + 10s);
  EXPECT_EQ(clock.due(80ms, 1, start + 10s), start + 10s + 40ms);
}

TEST(PictureNames, AreOrderedAsPeopleCount) {
  EXPECT_TRUE(comes_before("a2.jpg", "a10.jpg"));
  EXPECT_TRUE(comes_before("a09.jpg", "a10.jpg"));
  EXPECT_FALSE(comes_before("a10.jpg", "a2.jpg"));
  EXPECT_TRUE(comes_before("a.jpg", "b1.jpg"));
  EXPECT_FALSE(comes_before("a1", "a1"));
}

TEST(FileCamera, AVideoLoopsWithoutAGlitchInSequenceOrTime) {
  Running camera(made_by_ffmpeg("-f lavfi -i testsrc2=s=160x120:r=50 -frames:v 15 -c:v libx264 -bf 2 -pix_fmt yuv420p",
                                "loop.mp4"));
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  EXPECT_EQ(camera.opened()->mode, (ipc::Mode{PixelFormat::i420, {160, 120}, 50'000}));
  ASSERT_TRUE(camera.sink().wait_for(50));  // three passes and more
  EXPECT_TRUE(camera.finish());
  const auto seen = camera.sink().seen();
  EXPECT_EQ(seen[0].sequence, 7u);
  expect_even(seen, 20ms);
  EXPECT_EQ(camera.sink().dropped(), 0u);
}

TEST(FileCamera, MjpegIsPassedThroughWithItsHuffmanTables) {
  const auto path =
      made_by_ffmpeg("-f lavfi -i testsrc2=s=160x120:r=50 -frames:v 10 -c:v mjpeg -huffman default", "m.avi");
  Running camera(path);
  ASSERT_TRUE(camera.opened());
  EXPECT_EQ(camera.opened()->mode.format, PixelFormat::jpeg);
  ASSERT_TRUE(camera.sink().wait_for(25));
  EXPECT_TRUE(camera.finish());
  for (const Frame& frame : camera.sink().frames()) {
    const auto header = jpeg::scan_header(frame.bytes());
    ASSERT_TRUE(header);
    EXPECT_TRUE(header->has_huffman_tables);
  }
  expect_even(camera.sink().seen(), 20ms);
}

TEST(FileCamera, NobodyWatchingFramesAreCountedAndTheFirstViewerNeedsNoKeyframe) {
  Running camera(
      made_by_ffmpeg("-f lavfi -i testsrc2=s=160x120:r=50 -frames:v 100 -c:v libx264 -bf 2 -g 100 -pix_fmt yuv420p",
                     "gop.mp4"),
      /*wanted=*/false);
  ASSERT_TRUE(camera.opened());
  ASSERT_TRUE(camera.sink().wait_for(20));
  EXPECT_TRUE(camera.sink().frames().empty());
  camera.sink().set_wanted(true);
  ASSERT_TRUE(camera.wait_for_more(15));
  EXPECT_TRUE(camera.finish());
  EXPECT_GE(camera.sink().frames().size(), 8u);  // long before the next keyframe, 80 pictures on
  const auto seen = camera.sink().seen();
  for (size_t i = 1; i < seen.size(); ++i) EXPECT_EQ(seen[i].sequence, seen[i - 1].sequence + 1);
}

TEST(FileCamera, H264InOrderIsPassedOnAsItIs) {
  Running camera(made_by_ffmpeg("-f lavfi -i testsrc2=s=160x120:r=50 -frames:v 15 -c:v libx264 -bf 0 -pix_fmt yuv420p",
                                "in_order.mp4"),
                 /*wanted=*/false);
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  EXPECT_EQ(camera.opened()->mode, (ipc::Mode{PixelFormat::h264, {160, 120}, 50'000}));
  ASSERT_TRUE(camera.sink().wait_for(40));
  EXPECT_TRUE(camera.finish());
  expect_even(camera.sink().seen(), 20ms);
  const auto frames = camera.sink().frames();
  ASSERT_GE(frames.size(), 40u);
  for (size_t i = 0; i < frames.size(); ++i) {
    const auto bytes = frames[i].bytes();
    ASSERT_GT(bytes.size(), 5u);
    EXPECT_TRUE(bytes[0] == std::byte{0} && bytes[1] == std::byte{0}) << "Annex B, not the container's lengths";
    EXPECT_EQ(frames[i].keyframe, i % 15 == 0) << i;
    bool has_sps = false;
    for_each_nal(bytes, [&](NalUnit nal) { has_sps |= h264::type_of(nal) == h264::NalType::sps; });
    EXPECT_EQ(has_sps, frames[i].keyframe) << "every keyframe can be begun with";
  }
  EXPECT_EQ(camera.sink().dropped(), 0u);
}

TEST(FileCamera, APausedH264FileRepeatsNoPacket) {
  Running camera(made_by_ffmpeg("-f lavfi -i testsrc2=s=160x120:r=50 -frames:v 50 -c:v libx264 -bf 0 -pix_fmt yuv420p",
                                "paused.mp4"));
  ASSERT_TRUE(camera.sink().wait_for(5));
  camera.camera().set_controls({{"paused", true}});
  ASSERT_TRUE(camera.wait_for_more(10));
  const auto paused = camera.sink().seen();
  EXPECT_FALSE(paused.back().delivered);
  camera.camera().set_controls({{"paused", false}});
  ASSERT_TRUE(camera.wait_for_more(10));
  EXPECT_TRUE(camera.finish());
  const auto seen = camera.sink().seen();
  EXPECT_TRUE(seen.back().delivered);
  for (size_t i = 1; i < seen.size(); ++i) EXPECT_EQ(seen[i].sequence, seen[i - 1].sequence + 1);
}

TEST(FileCamera, AFolderOfPicturesIsPlayedInNaturalOrder) {
  for (int i = 8; i <= 11; ++i) {
    made_by_ffmpeg("-f lavfi -i color=s=" + std::to_string(16 * i) + "x64 -frames:v 1",
                   "pictures/p" + std::to_string(i) + (i == 9 ? ".png" : ".jpg"));
  }
  std::ofstream(folder() + "pictures/p10b.jpg") << "no picture";
  Running camera(folder() + "pictures?fps=100");
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  EXPECT_EQ(camera.opened()->mode.fps_milli, 100'000);
  ASSERT_TRUE(camera.sink().wait_for(9));
  EXPECT_TRUE(camera.finish());
  const auto frames = camera.sink().frames();
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(frames[i].size.width, 16 * (8 + static_cast<int>(i % 4))) << i;
  EXPECT_EQ(frames[1].format, PixelFormat::i420);
  EXPECT_GE(camera.sink().dropped(), 2u);
  EXPECT_GE(camera.sink().modes().size(), 4u);
}

TEST(FileCamera, ASmallFoldersPicturesAreReadOnceAndAgainWhenTheyAreWrittenAnew) {
  made_by_ffmpeg("-f lavfi -i color=s=32x64 -frames:v 1", "twice/a.jpg");
  made_by_ffmpeg("-f lavfi -i color=s=48x64 -frames:v 1", "twice/b.jpg");
  Running camera(folder() + "twice?fps=50");
  ASSERT_TRUE(camera.sink().wait_for(4));
  const auto before = camera.sink().frames();
  EXPECT_EQ(before[2].planes[0].data, before[0].planes[0].data);
  EXPECT_EQ(before[3].planes[0].data, before[1].planes[0].data);
  made_by_ffmpeg("-f lavfi -i color=s=80x64 -frames:v 1", "new.jpg");
  std::filesystem::rename(folder() + "new.jpg", folder() + "twice/b.jpg");
  ASSERT_TRUE(camera.wait_for_more(4));
  EXPECT_TRUE(camera.finish());
  const auto after = camera.sink().frames();
  std::array<int, 2> widths{after[after.size() - 2].size.width, after.back().size.width};
  std::ranges::sort(widths);
  EXPECT_EQ(widths, (std::array{32, 80}));
}

TEST(PictureCache, KeepsNoMoreThanItsBytes) {
  PictureCache cache;
  const auto writing = PictureCache::writing_of(testing::TempDir().c_str());
  ASSERT_TRUE(writing);
  Frame half;
  half.planes[0].size_bytes = PictureCache::max_bytes / 2;
  for (size_t i = 0; i < 3; ++i) cache.keep(i, writing, half);
  EXPECT_TRUE(cache.find(0, writing));
  EXPECT_TRUE(cache.find(1, writing));
  EXPECT_FALSE(cache.find(2, writing));
  cache.keep(0, std::nullopt, half);
  EXPECT_FALSE(cache.find(0, writing));
  cache.keep(2, writing, half);
  EXPECT_TRUE(cache.find(2, writing));
  cache.clear();
  EXPECT_FALSE(cache.find(1, writing));
  cache.keep(0, writing, half);
  EXPECT_TRUE(cache.find(0, writing));
}

TEST(FileCamera, ControlsPauseSpeedAndRestart) {
  Running camera(made_by_ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25 -frames:v 100 -c:v mjpeg", "c.avi"), true,
                 {{"playback_speed", 8.0}, {"nonsense", true}});
  ASSERT_TRUE(camera.opened());
  EXPECT_EQ(check_controls(camera.camera().controls(), {{"playback_speed", 9.0}}).size(), 1u);
  ASSERT_TRUE(camera.wait_for_more(20));
  const auto fast = camera.sink().seen();
  // 5 ms each; the middle one, because a busy machine stops at times.
  std::vector<std::chrono::nanoseconds> gaps;
  for (size_t i = 2; i < 20; ++i) gaps.push_back(fast[i].capture_time - fast[i - 1].capture_time);
  std::ranges::nth_element(gaps, gaps.begin() + 9);
  EXPECT_LT(gaps[9], 20ms);
  camera.camera().set_controls({{"paused", true}, {"playback_speed", int64_t{1}}});
  ASSERT_TRUE(camera.wait_for_more(4));
  const auto paused = camera.sink().frames();
  const Frame &last = paused.back(), &before = paused[paused.size() - 2];
  EXPECT_EQ(last.planes[0].data, before.planes[0].data);
  EXPECT_EQ(last.sequence, before.sequence + 1);
  camera.camera().set_controls({{"paused", false}, {"restart", true}});
  ASSERT_TRUE(camera.wait_for_more(3));
  EXPECT_TRUE(camera.finish());
  expect_even(camera.sink().seen(), 5ms);
  ASSERT_TRUE(camera.camera().reset_controls());
  EXPECT_EQ(find_control(camera.camera().controls(), "playback_speed")->value, ControlValue(1.0));
}

TEST(FileCamera, WithoutLoopTheLastPictureStays) {
  Running camera(made_by_ffmpeg("-f lavfi -i testsrc2=s=64x64:r=50 -frames:v 3 -c:v mjpeg", "end.avi") + "?loop=0");
  ASSERT_TRUE(camera.sink().wait_for(8));
  EXPECT_TRUE(camera.finish());
  const auto frames = camera.sink().frames();
  EXPECT_NE(frames[1].planes[0].data, frames[2].planes[0].data);
  for (size_t i = 3; i < 8; ++i) EXPECT_EQ(frames[i].planes[0].data, frames[2].planes[0].data);
}

std::string open_error(const std::string& source) {
  Running camera(source);
  return camera.opened() ? "" : camera.opened().error().message;
}

TEST(FileCamera, WhatIsMissingOrDamagedIsSaidPlainly) {
  EXPECT_EQ(open_error("/nowhere/a.mp4"), "file '/nowhere/a.mp4': No such file or directory");
  std::ofstream(folder() + "noise.mp4") << std::string(5000, 'x');
  EXPECT_EQ(open_error(folder() + "noise.mp4"),
            "file '" + folder() + "noise.mp4': Invalid data found when processing input");
  std::ofstream empty(folder() + "empty.jpg");
  EXPECT_THAT(open_error(folder() + "empty.jpg"), HasSubstr("empty.jpg': JPEG: no start of image"));
  std::filesystem::create_directories(folder() + "empty");
  EXPECT_THAT(open_error(folder() + "empty"), HasSubstr("no pictures in it"));
  EXPECT_EQ(open_error("a?lop=1"), "file: no option 'lop' (there are loop, fps, speed, paused)");
  EXPECT_EQ(open_error("a?fps=x"), "file: 'fps=x' is not a number from 0.01 to 1000");
  EXPECT_EQ(open_error(""), "file: no path is given, as in file:/srv/clip.mp4");
}

TEST(FileCamera, DamageInTheMiddleIsLeftOutAndCounted) {
  const auto path = made_by_ffmpeg(
      "-f lavfi -i testsrc2=s=320x240:r=50 -frames:v 60 -c:v libx264 -g 10 -pix_fmt yuv420p -f mpegts", "hurt.ts");
  {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 3));
    file << std::string(20'000, 'Z');
  }
  Running camera(path);
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  ASSERT_TRUE(camera.sink().wait_for(80));
  EXPECT_TRUE(camera.finish());
}

// Debian's opencv-doc: real footage, compared with what ffmpeg makes of it.
TEST(FileCamera, RealFootageHasFfmpegsPixels) {
  const std::string path = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "opencv-doc is not installed";
  Running camera(path + "?speed=8");
  ASSERT_TRUE(camera.opened());
  ASSERT_TRUE(camera.sink().wait_for(10));
  EXPECT_TRUE(camera.finish());
  const auto raw =
      made_by_ffmpeg("-i " + path + " -frames:v 10 -vf scale=out_range=full,format=yuvj420p -f rawvideo", "vtest.yuv");
  std::ifstream file(raw, std::ios::binary);
  for (const Frame& frame : camera.sink().frames()) {
    if (frame.sequence >= 7 + 10) break;
    double squares = 0;
    std::vector<char> row(static_cast<size_t>(frame.size.width));
    for (int y = 0; y < frame.size.height; ++y) {
      file.read(row.data(), frame.size.width);
      for (int x = 0; x < frame.size.width; ++x) {
        const double difference =
            static_cast<uint8_t>(row[static_cast<size_t>(x)]) -
            std::to_integer<int>(
                frame.planes[0].data[static_cast<size_t>(y) * frame.planes[0].stride_bytes + static_cast<size_t>(x)]);
        squares += difference * difference;
      }
    }
    file.ignore(frame.size.width * frame.size.height / 2);
    const double psnr = 10 * std::log10(255.0 * 255.0 / std::max(1e-9, squares / frame.size.width / frame.size.height));
    EXPECT_GT(psnr, 45) << frame.sequence;
  }
}

}  // namespace
}  // namespace camweave::file
