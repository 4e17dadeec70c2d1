// What a worker makes of its camera's frames: encoded, passed through, decoded, EXIF and SEI put in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "capture/scripted_worker.h"
#include "media/h264/annexb.h"
#include "media/h264/frame_sei.h"
#include "media/jpeg/header.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;
using WorkerRenditions = ScriptedWorker;

TEST_F(WorkerRenditions, EncodesWhatIsWantedAndPutsExifIn) {
  script_.run = stream_of([](uint64_t i) { return raw_frame(i); });
  start_worker(1000);
  const auto opened = next<ipc::Opened>();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->make, "Maker");
  want({{5, {}}});
  const auto first = next<ipc::Frame>();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->rendition_id, 5U);
  EXPECT_EQ(first->codec, Codec::jpeg);
  EXPECT_EQ(first->size, (Size{64, 48}));
  EXPECT_GE(first->sequence, 1000U) << "goes on where the last worker stopped";
  EXPECT_EQ(first->metadata.exposure_us, 5000U);
  EXPECT_NEAR(static_cast<double>(first->capture_wall_us), static_cast<double>(clock_.wall_now().count()), 2e6);
  EXPECT_TRUE(jpeg::has_exif(bytes_));
  EXPECT_GT(bytes_.size(), 1000U);
  const auto second = next<ipc::Frame>();
  ASSERT_TRUE(second);
  EXPECT_GT(second->sequence, first->sequence);
  EXPECT_EQ(finish(), 0);
}

TEST_F(WorkerRenditions, StopsEncodingWhenNothingIsWantedAnyMore) {
  std::atomic<bool> wanted{false};
  script_.run = [&](FrameSink& sink, const StopSignal& stop) -> Result<void> {
    for (uint64_t i = 0; !stop.raised(); ++i) {
      pollfd fds[2] = {{stop.fd(), POLLIN, 0}, {sink.wanted_fd(), POLLIN, 0}};
      ::poll(fds, 2, sink.wanted() ? 1 : -1);
      if (fds[1].revents) sink.clear_wanted_event();
      wanted = sink.wanted();
      if (sink.wanted()) sink.deliver(raw_frame(i));
    }
    return {};
  };
  start_worker();
  want({{1, {}}});
  ASSERT_TRUE(next<ipc::Frame>());
  EXPECT_TRUE(wanted);
  want({});
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (wanted && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(wanted) << "the driver is woken and told";
  want({{2, {}}});
  const auto frame = next<ipc::Frame>();
  ASSERT_TRUE(frame);
}

TEST_F(WorkerRenditions, PassesTheCamerasOwnJpegThroughWithExif) {
  script_.open = [](const CameraRequest&) { return opened_as(PixelFormat::jpeg); };
  script_.run = stream_of([](uint64_t i) { return packet_frame(PixelFormat::jpeg, i, small_jpeg); });
  start_worker();
  want({{1, {}}});
  ASSERT_TRUE(next<ipc::Frame>());
  EXPECT_TRUE(jpeg::has_exif(bytes_));
  ASSERT_GT(bytes_.size(), small_jpeg.size());
  EXPECT_EQ(std::memcmp(bytes_.data() + bytes_.size() - (small_jpeg.size() - 2), small_jpeg.data() + 2,
                        small_jpeg.size() - 2),
            0)
      << "the rest is untouched";
  // Another quality, size or rotation must be encoded: the fake encoder's 1000 bytes.
  const Rendition others[] = {{.quality = 50}, {.size = {32, 24}}, {.rotation = 90}};
  for (uint32_t id = 2; const Rendition& other : others) {
    want({{id, other}});
    std::optional<ipc::Frame> frame;
    do frame = next<ipc::Frame>();
    while (frame && frame->rendition_id != id);
    ASSERT_TRUE(frame);
    EXPECT_GT(frame->size_bytes, 1000U);
    ++id;
  }
  // A size above the source's changes nothing.
  want({{9, {.size = {1920, 1080}}}});
  std::optional<ipc::Frame> frame;
  do frame = next<ipc::Frame>();
  while (frame && frame->rendition_id != 9);
  ASSERT_TRUE(frame);
  EXPECT_LT(frame->size_bytes, 1000U);
}

TEST_F(WorkerRenditions, KeepsACamerasOwnExif) {
  std::vector<uint8_t> with_exif{0xFF, 0xD8, 0xFF, 0xE1, 0,    10,   'E', 'x', 'i',  'f',
                                 0,    0,    'M',  'M',  0xFF, 0xDA, 0,   2,   0xFF, 0xD9};
  script_.open = [](const CameraRequest&) { return opened_as(PixelFormat::jpeg); };
  script_.run = stream_of([&](uint64_t i) { return packet_frame(PixelFormat::jpeg, i, with_exif); });
  start_worker();
  want({{1, {}}});
  ASSERT_TRUE(next<ipc::Frame>());
  ASSERT_EQ(bytes_.size(), with_exif.size());
  EXPECT_EQ(std::memcmp(bytes_.data(), with_exif.data(), with_exif.size()), 0);
}

TEST_F(WorkerRenditions, H264BeginsWithAKeyframe) {
  script_.open = [](const CameraRequest&) { return opened_as(PixelFormat::h264); };
  script_.run = stream_of([](uint64_t i) {
    return packet_frame(PixelFormat::h264, i, {0, 0, 0, 1, static_cast<uint8_t>(i % 10 == 7 ? 0x65 : 0x41), 9},
                        i % 10 == 7);
  });
  start_worker();
  want({{1, {.codec = Codec::h264}}});
  const auto frame = next<ipc::Frame>();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->codec, Codec::h264);
  EXPECT_TRUE(frame->keyframe);
  EXPECT_EQ(frame->sequence % 10, 7U);
  EXPECT_FALSE(next<ipc::Frame>()->keyframe);
}

TEST_F(WorkerRenditions, AKeyframeIsKnownThoughTheDeviceNeverSaysSo) {
  script_.open = [](const CameraRequest&) { return opened_as(PixelFormat::h265); };
  script_.run = stream_of([](uint64_t i) {
    const uint8_t header = i % 10 == 7 ? 19 << 1 : 1 << 1;  // IDR_W_RADL, TRAIL_R
    return packet_frame(PixelFormat::h265, i, {0, 0, 0, 1, header, 1, 0x80, 9}, false);
  });
  start_worker();
  want({{1, {.codec = Codec::h265}}});
  const auto frame = next<ipc::Frame>();
  ASSERT_TRUE(frame);
  EXPECT_TRUE(frame->keyframe);
  EXPECT_EQ(frame->sequence % 10, 7U);
  EXPECT_FALSE(next<ipc::Frame>()->keyframe);
}

TEST_F(WorkerRenditions, AnotherServersSeiStaysAsItIs) {
  const FrameSei theirs{1'700'000'000'000'000, 42, 900, 1500};
  std::vector<uint8_t> packet(frame_sei_bytes(Codec::h264));
  write_frame_sei(Codec::h264, theirs, std::as_writable_bytes(std::span(packet)));
  for (const int byte : {0, 0, 0, 1, 0x65, 0x88, 9}) packet.push_back(static_cast<uint8_t>(byte));
  script_.open = [](const CameraRequest&) { return opened_as(PixelFormat::h264); };
  script_.run = stream_of([packet](uint64_t i) { return packet_frame(PixelFormat::h264, i, packet); });
  start_worker();
  want({{1, {.codec = Codec::h264}}});
  ASSERT_TRUE(next<ipc::Frame>());
  EXPECT_EQ(bytes_.size(), packet.size()) << "no second one";
  EXPECT_EQ(find_frame_sei(Codec::h264, bytes_), theirs);
}

// The packets of a H.264 camera at ten frames a second, made by FFmpeg; a keyframe every five.
std::vector<std::vector<uint8_t>> h264_packets() {
  const std::string path = testing::TempDir() + "worker_run.h264";
  const std::string command =
      "ffmpeg -v error -y -f lavfi -i testsrc2=s=64x48:r=10 -frames:v 21 -c:v libx264 -preset "
      "ultrafast -tune zerolatency -g 5 -pix_fmt yuv420p " +
      path;
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::vector<uint8_t>> packets;
  h264::AnnexBSplitter().push(std::as_bytes(std::span(text)), [&](const h264::AccessUnit& unit) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(unit.bytes.data());
    packets.emplace_back(bytes, bytes + unit.bytes.size());
  });
  return packets;
}

TEST_F(WorkerRenditions, OfAnH264CameraPacketsPassAndPicturesAreDecodedOnceForAllOthers) {
  const auto packets = h264_packets();
  ASSERT_EQ(packets.size(), 20U);
  script_.open = [](const CameraRequest&) { return opened_as(PixelFormat::h264); };
  script_.run = stream_of(
      [packets](uint64_t i) { return packet_frame(PixelFormat::h264, i, packets[i % packets.size()], i % 5 == 0); });
  start_worker();
  want({{1, {.codec = Codec::h264}}, {2, {}}, {3, {.quality = 70}}});
  std::set<uint32_t> seen;
  for (int i = 0; i < 200 && seen.size() < 3; ++i) {
    const auto frame = next<ipc::Frame>();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->codec, frame->rendition_id == 1 ? Codec::h264 : Codec::jpeg);
    EXPECT_EQ(frame->metadata.exposure_us, 5000U);
    if (frame->codec == Codec::h264) {
      EXPECT_TRUE(find_frame_sei(Codec::h264, std::as_bytes(std::span(bytes_)))) << "with the SEI put in";
    }
    seen.insert(frame->rendition_id);
  }
  EXPECT_EQ(seen, (std::set<uint32_t>{1, 2, 3}));
  std::optional<ipc::Status> status;
  do status = next<ipc::Status>();
  while (status && status->encoders.size() < 3);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->encoders[0].encoder, ipc::pass_through);
  EXPECT_EQ(status->encoders[1].encoder, "fake");
  EXPECT_EQ(status->metadata.exposure_us, 5000U);

  ASSERT_TRUE(socket_->send(ipc::StillRequest{7, 90}).ok());
  std::optional<ipc::Frame> still;
  do still = next<ipc::Frame>();
  while (still && still->request_id != 7);
  ASSERT_TRUE(still);
  EXPECT_EQ(still->codec, Codec::jpeg);

  want({{4, {.codec = Codec::h265}}});
  const auto failed = next<ipc::RenditionFailed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->rendition_id, 4U);
  EXPECT_EQ(failed->error, "no such encoder");
}

}  // namespace
}  // namespace camweave
