// A worker's whole life, with a test as its server and a camera that does what the test says.
#include "capture/worker_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <set>

#include "base/fake_clock.h"
#include "capture/camera_list.h"
#include "capture/sequence_counter.h"
#include "ipc/packet_pool.h"
#include "media/h264/annexb.h"
#include "media/h264/frame_sei.h"
#include "media/jpeg/header.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;

// What the test tells the camera, which a Driver (a plain table row) makes.
struct Script {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<Result<ipc::Opened>(const CameraRequest&)> open;
  std::function<Result<void>(FrameSink&, const StopSignal&)> run;
  std::function<bool(const StopSignal&)> wait_for_device;
  std::function<bool(Camera::StillDone)> still;
  CameraRequest last_request;
  int opens = 0;
  bool reset = false;
};
Script* script = nullptr;  // of the running test

std::vector<Control> schema() {
  Control gain;
  gain.name = "gain";
  gain.type = ControlType::real;
  gain.min = 1;
  gain.max = 16;
  gain.default_value = 1.0;
  gain.value = 2.0;
  return {gain};
}

ipc::Opened opened_as(PixelFormat format, Size size = {64, 48}) {
  ipc::Opened opened;
  opened.make = "Maker";
  opened.mode = {format, size, 30'000};
  opened.controls = schema();
  return opened;
}

class ScriptedCamera final : public Camera {
 public:
  Result<ipc::Opened> open(const CameraRequest& request) override {
    script->last_request = request;
    ++script->opens;
    return script->open ? script->open(request) : opened_as(PixelFormat::grey);
  }
  Result<void> run(FrameSink& sink, const StopSignal& stop) override {
    if (script->run) return script->run(sink, stop);
    stop.wait_until(Timestamp::max());
    return {};
  }
  bool wait_for_device(const CameraRequest&, const StopSignal& stop) override {
    return script->wait_for_device && script->wait_for_device(stop);
  }
  std::vector<Control> controls() const override { return schema(); }
  ControlOutcome set_controls(const ControlValues& wanted) override { return {wanted, {}}; }
  Result<void> reset_controls() override {
    script->reset = true;
    return {};
  }
  bool request_still(StillDone done) override { return script->still && script->still(std::move(done)); }
};

const Driver driver{"scripted",
                    [](const Clock&, Log&) -> std::unique_ptr<Camera> { return std::make_unique<ScriptedCamera>(); },
                    nullptr};

// A 64x48 grey frame, or a little thing that begins as a JPEG.
Frame raw_frame(uint64_t sequence, Timestamp time = std::chrono::steady_clock::now()) {
  auto pixels = std::make_shared<std::vector<std::byte>>(64 * 48, std::byte{100});
  Frame frame;
  frame.format = PixelFormat::grey;
  frame.size = {64, 48};
  frame.planes[0] = {pixels->data(), 64, pixels->size()};
  frame.sequence = sequence;
  frame.capture_time = time;
  frame.metadata = {5000, 2.0F, 4000, 80};
  frame.buffer = std::move(pixels);
  return frame;
}

Frame packet_frame(PixelFormat format, uint64_t sequence, std::vector<uint8_t> bytes, bool keyframe = true) {
  auto held = std::make_shared<std::vector<uint8_t>>(std::move(bytes));
  Frame frame = raw_frame(sequence);
  frame.format = format;
  frame.planes[0] = {reinterpret_cast<const std::byte*>(held->data()), 0, held->size()};
  frame.keyframe = keyframe;
  frame.buffer = std::move(held);
  return frame;
}

const std::vector<uint8_t> small_jpeg{0xFF, 0xD8, 0xFF, 0xDB, 0, 4, 0, 1, 0xFF, 0xD9};

// Writes the picture's brightness and 1000 bytes.
class FakeEncoder final : public Encoder {
 public:
  Result<EncodedPicture> encode(const Frame& frame, std::span<std::byte> out) override {
    std::memset(out.data(), 0, 1000);
    out[0] = std::byte{0xFF};
    out[1] = std::byte{0xD8};
    return EncodedPicture{1000, true, frame.size};
  }
  const char* name() const override { return "fake"; }
};

Result<std::unique_ptr<Encoder>> make_fake_encoder(const Rendition& rendition, const Frame&) {
  if (rendition.codec != Codec::jpeg) return Error{ErrorCode::unsupported, "no such encoder"};
  return std::unique_ptr<Encoder>(std::make_unique<FakeEncoder>());
}

class WorkerRun : public testing::Test {
 protected:
  void SetUp() override { script = &script_; }
  void TearDown() override {
    finish();
    script = nullptr;
  }

  void start_worker(uint64_t first_sequence = 0, ControlValues controls = {}) {
    auto pair = ipc::SeqPacketSocket::pair();
    ASSERT_TRUE(pair.ok());
    socket_ = std::make_unique<ipc::SeqPacketSocket>(std::move(pair->first));
    auto stop = StopSignal::create();
    ASSERT_TRUE(stop.ok());
    stop_ = std::make_unique<StopSignal>(*std::move(stop));
    worker_ = std::async(std::launch::async, [this, fd = std::move(pair->second)]() mutable {
      return run_camera(driver, std::move(fd), *stop_, make_fake_encoder, clock(), log_, times_);
    });
    ipc::Start start;
    start.camera_id = "cam0";
    start.source = "scripted:x";
    start.first_sequence = first_sequence;
    start.controls = std::move(controls);
    ASSERT_TRUE(socket_->send(start).ok());
    const auto hello = next<ipc::Hello>();
    ASSERT_TRUE(hello);
    auto pool = ipc::MappedPool::map(std::move(passed_fd_), hello->slot_count, hello->slot_bytes);
    ASSERT_TRUE(pool.ok());
    pool_ = std::make_unique<ipc::MappedPool>(*std::move(pool));
  }

  const Clock& clock() const { return time_is_fake_ ? static_cast<const Clock&>(fake_clock_) : clock_; }

  // The next message of this type; others are skipped. Nothing when the worker is gone or after 30 s.
  template <typename T>
  std::optional<T> next() {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < deadline) {
      pollfd readable{socket_->fd(), POLLIN, 0};
      if (::poll(&readable, 1, 100) <= 0) continue;
      auto received = socket_->receive(ipc::SeqPacketSocket::Wait::dont_wait);
      if (!received) return std::nullopt;
      if (received->passed_fd) passed_fd_ = std::move(received->passed_fd);
      if (auto* frame = std::get_if<ipc::Frame>(&received->message); frame && release_) {
        keep_bytes(*frame);
        EXPECT_TRUE(socket_->send(ipc::ReleaseSlot{frame->slot}).ok());
      }
      if (auto* message = std::get_if<T>(&received->message)) return std::move(*message);
    }
    return std::nullopt;
  }
  void keep_bytes(const ipc::Frame& frame) {
    const auto packet = pool_->packet(frame.slot, frame.size_bytes);
    ASSERT_TRUE(packet.ok());
    bytes_.assign(packet->begin(), packet->end());
  }

  void want(std::vector<ipc::WantedRendition> wanted) {
    ASSERT_TRUE(socket_->send(ipc::Renditions{std::move(wanted)}).ok());
  }

  std::optional<int> finish() {
    if (!worker_.valid()) return std::nullopt;
    socket_.reset();
    if (worker_.wait_for(30s) != std::future_status::ready) {
      ADD_FAILURE() << "the worker doesn't end";
      std::abort();
    }
    return worker_.get();
  }

  // Delivers frames made by `make` until the stop, one each 2 ms.
  static std::function<Result<void>(FrameSink&, const StopSignal&)> stream_of(std::function<Frame(uint64_t)> make) {
    return [make = std::move(make)](FrameSink& sink, const StopSignal& stop) -> Result<void> {
      for (uint64_t i = 0; !stop.wait_until(std::chrono::steady_clock::now() + 2ms); ++i) sink.deliver(make(i));
      return {};
    };
  }

  Script script_;
  SystemClock clock_;
  Log log_{clock_, LogLevel::debug, [](const LogLine&) {}};
  std::unique_ptr<ipc::SeqPacketSocket> socket_;
  std::unique_ptr<StopSignal> stop_;
  std::unique_ptr<ipc::MappedPool> pool_;
  UniqueFd passed_fd_;
  std::future<int> worker_;
  WorkerTimes times_;
  FakeClock fake_clock_;
  bool time_is_fake_ = false;
  bool release_ = true;
  std::vector<std::byte> bytes_;  // of the last frame
};

TEST_F(WorkerRun, EncodesWhatIsWantedAndPutsExifIn) {
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

TEST_F(WorkerRun, StopsEncodingWhenNothingIsWantedAnyMore) {
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

TEST_F(WorkerRun, PassesTheCamerasOwnJpegThroughWithExif) {
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

TEST_F(WorkerRun, KeepsACamerasOwnExif) {
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

TEST_F(WorkerRun, H264BeginsWithAKeyframe) {
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

TEST_F(WorkerRun, AKeyframeIsKnownThoughTheDeviceNeverSaysSo) {
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

TEST_F(WorkerRun, AnotherServersSeiStaysAsItIs) {
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

TEST_F(WorkerRun, OfAnH264CameraPacketsPassAndPicturesAreDecodedOnceForAllOthers) {
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

TEST_F(WorkerRun, AServerThatKeepsAllSlotsCostsFramesAndNothingElse) {
  release_ = false;
  script_.open = [](const CameraRequest&) { return opened_as(PixelFormat::jpeg); };
  script_.run = stream_of([](uint64_t i) { return packet_frame(PixelFormat::jpeg, i, small_jpeg); });
  start_worker();
  want({{1, {}}});
  std::vector<uint32_t> slots;
  for (int i = 0; i < 32; ++i) {
    const auto frame = next<ipc::Frame>();
    ASSERT_TRUE(frame);
    slots.push_back(frame->slot);
  }
  std::ranges::sort(slots);
  EXPECT_EQ(std::ranges::unique(slots).begin(), slots.end()) << "no slot twice";
  std::optional<ipc::Status> status;
  do status = next<ipc::Status>();
  while (status && status->dropped == 0);
  ASSERT_TRUE(status) << "drops are counted";
  release_ = true;
  ASSERT_TRUE(socket_->send(ipc::ReleaseSlot{3}).ok());
  const auto frame = next<ipc::Frame>();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->slot, 3U);
}

TEST_F(WorkerRun, StatusSaysWhatTheSensorSaysThoughNobodyWatches) {
  script_.run = [](FrameSink& sink, const StopSignal& stop) -> Result<void> {
    sink.note_metadata({1234, 2.5F, 4000, 80});
    sink.count_frame(0, from_nanoseconds(1000));
    stop.wait_until(Timestamp::max());
    return {};
  };
  start_worker();
  std::optional<ipc::Status> status;
  do status = next<ipc::Status>();
  while (status && status->captured < 1);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->metadata, (FrameMetadata{1234, 2.5F, 4000, 80}));
}

TEST_F(WorkerRun, StatusComesAndCounts) {
  script_.run = [](FrameSink& sink, const StopSignal& stop) -> Result<void> {
    for (uint64_t i = 0; i < 7; ++i) sink.count_frame(i, from_nanoseconds(1000 + static_cast<int64_t>(i)));
    sink.count_dropped(3);
    stop.wait_until(Timestamp::max());
    return {};
  };
  start_worker();
  std::optional<ipc::Status> status;
  do status = next<ipc::Status>();
  while (status && (status->captured < 7 || status->dropped < 3));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->captured, 7U);
  EXPECT_EQ(status->dropped, 3U);
  EXPECT_EQ(status->last_frame_ns, 1006);
  EXPECT_FALSE(status->away);
}

TEST_F(WorkerRun, TheFirstFrameAndOneAfterSilenceAreToldAtOnce) {
  times_.status_interval = 1h;  // what comes, comes for its event
  std::promise<void> begin;
  script_.run = [&](FrameSink& sink, const StopSignal& stop) -> Result<void> {
    begin.get_future().wait();
    const Timestamp start(100s);
    sink.count_frame(0, start);
    for (int i = 1; i < 5; ++i) sink.count_frame(static_cast<uint64_t>(i), start + i * 33ms);
    sink.count_frame(5, start + 60s);
    stop.wait_until(Timestamp::max());
    return {};
  };
  start_worker();
  auto status = next<ipc::Status>();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->captured, 0U);
  begin.set_value();
  do status = next<ipc::Status>();
  while (status && status->captured < 6);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->last_frame_ns, to_nanoseconds(Timestamp(160s)));
}

TEST_F(WorkerRun, TheFirstFrameAfterAReturnIsToldAtOnce) {
  times_.status_interval = 1h;
  std::atomic<uint64_t> frames{0};
  std::promise<void> go_away, come_back, give_frame;
  script_.run = [&](FrameSink& sink, const StopSignal& stop) -> Result<void> {
    if (++frames == 1) {
      sink.count_frame(0, Timestamp(100s));
      go_away.get_future().wait();
      return Error{ErrorCode::not_found, "unplugged"};
    }
    give_frame.get_future().wait();
    sink.count_frame(0, Timestamp(100s) + 300ms);
    stop.wait_until(Timestamp::max());
    return {};
  };
  script_.wait_for_device = [&](const StopSignal&) {
    come_back.get_future().wait();
    return true;
  };
  start_worker();
  const auto status_with = [&](auto wanted) {
    std::optional<ipc::Status> status;
    do status = next<ipc::Status>();
    while (status && !wanted(*status));
    return status.has_value();
  };
  EXPECT_TRUE(status_with([](const ipc::Status& s) { return s.captured == 1; }));
  go_away.set_value();
  EXPECT_TRUE(status_with([](const ipc::Status& s) { return s.away; }));
  come_back.set_value();
  EXPECT_TRUE(status_with([](const ipc::Status& s) { return !s.away; }));
  give_frame.set_value();
  EXPECT_TRUE(status_with([](const ipc::Status& s) { return s.captured == 2; }));
}

TEST_F(WorkerRun, AStepOfTheWallClockChangesWhatIsWrittenDownAndNothingElse) {
  time_is_fake_ = true;
  script_.open = [](const CameraRequest&) { return opened_as(PixelFormat::jpeg); };
  std::atomic<int> allowed{5};  // frames; the test gives more after each step
  script_.run = [&](FrameSink& sink, const StopSignal& stop) -> Result<void> {
    while (!sink.wanted() && !stop.raised()) std::this_thread::yield();
    for (uint64_t i = 0; !stop.raised();) {
      if (static_cast<int>(i) >= allowed) {
        std::this_thread::yield();
        continue;
      }
      Frame frame = packet_frame(PixelFormat::jpeg, i++, small_jpeg);
      fake_clock_.advance(33ms);
      frame.capture_time = fake_clock_.now();
      sink.deliver(std::move(frame));
    }
    return {};
  };
  start_worker();
  want({{1, {}}});
  std::vector<ipc::Frame> frames;
  for (const auto step : {UnixMicroseconds(-24h), UnixMicroseconds(1h), UnixMicroseconds(0)}) {
    for (int i = 0; i < 5; ++i) {
      const auto frame = next<ipc::Frame>();
      ASSERT_TRUE(frame);
      frames.push_back(*frame);
    }
    fake_clock_.step_wall(step);
    allowed += 5;
  }
  for (size_t i = 1; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].sequence, frames[i - 1].sequence + 1);
    EXPECT_EQ(frames[i].capture_ns - frames[i - 1].capture_ns, 33'000'000);
    int64_t step_us = 33'000;
    if (i == 5) step_us += UnixMicroseconds(-24h).count();
    if (i == 10) step_us += UnixMicroseconds(1h).count();
    EXPECT_EQ(frames[i].capture_wall_us - frames[i - 1].capture_wall_us, step_us) << "frame " << i;
  }
}

TEST_F(WorkerRun, ControlsAreCheckedSetAndAnswered) {
  start_worker();
  ASSERT_TRUE(next<ipc::Opened>());
  while (!script_.opens) std::this_thread::yield();
  ASSERT_TRUE(socket_->send(ipc::SetControls{1, {{"gain", 3.0}}}).ok());
  auto reply = next<ipc::Reply>();
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->ok) << reply->error;
  EXPECT_EQ(reply->request_id, 1U);
  EXPECT_EQ(reply->outcome.applied.at("gain"), ControlValue(3.0));
  ASSERT_TRUE(socket_->send(ipc::SetControls{2, {{"gain", 99.0}, {"nonsense", true}}}).ok());
  reply = next<ipc::Reply>();
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->ok);
  EXPECT_EQ(reply->outcome.errors.size(), 2U);
  ASSERT_TRUE(socket_->send(ipc::ResetControls{3}).ok());
  EXPECT_TRUE(next<ipc::ControlsChanged>());
  reply = next<ipc::Reply>();
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->ok);
  EXPECT_TRUE(script_.reset);
}

TEST_F(WorkerRun, AStillIsTheCamerasOwnOrTheNextFrame) {
  script_.run = [](FrameSink& sink, const StopSignal& stop) -> Result<void> {
    for (uint64_t i = 0; !stop.wait_until(std::chrono::steady_clock::now() + 2ms); ++i) {
      if (sink.wanted()) sink.deliver(raw_frame(i));
    }
    return {};
  };
  start_worker();
  ASSERT_TRUE(next<ipc::Opened>());
  ASSERT_TRUE(socket_->send(ipc::StillRequest{11, 90}).ok());
  auto still = next<ipc::Frame>();
  ASSERT_TRUE(still);
  EXPECT_EQ(still->request_id, 11U);
  EXPECT_EQ(still->rendition_id, 0U);
  EXPECT_TRUE(jpeg::has_exif(bytes_));

  script_.still = [](Camera::StillDone done) {
    done(packet_frame(PixelFormat::jpeg, 0, small_jpeg));
    return true;
  };
  ASSERT_TRUE(socket_->send(ipc::StillRequest{12, 90}).ok());
  still = next<ipc::Frame>();
  ASSERT_TRUE(still);
  EXPECT_EQ(still->request_id, 12U);
  EXPECT_LT(still->size_bytes, 1000U);

  script_.still = [](Camera::StillDone done) {
    done(Error{ErrorCode::busy, "the shutter is stuck"});
    return true;
  };
  ASSERT_TRUE(socket_->send(ipc::StillRequest{13, 90}).ok());
  const auto reply = next<ipc::Reply>();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->request_id, 13U);
  EXPECT_FALSE(reply->ok);
  EXPECT_EQ(reply->error, "the shutter is stuck");
}

TEST_F(WorkerRun, ADeviceThatComesBackGoesOnWithNumbersAndSettings) {
  std::atomic<int> runs{0};
  std::promise<void> plugged;
  script_.run = [&](FrameSink& sink, const StopSignal& stop) -> Result<void> {
    if (++runs == 1) {
      while (!sink.wanted()) std::this_thread::yield();
      for (uint64_t i = 0; i < 10; ++i) sink.deliver(packet_frame(PixelFormat::jpeg, i, small_jpeg));
      pollfd stopped{stop.fd(), POLLIN, 0};
      ::poll(&stopped, 1, 300);  // time for the test's control request
      return Error{ErrorCode::not_found, "unplugged"};
    }
    sink.deliver(packet_frame(PixelFormat::jpeg, 0, small_jpeg));
    stop.wait_until(Timestamp::max());
    return {};
  };
  script_.wait_for_device = [&](const StopSignal&) {
    plugged.get_future().wait();
    return true;
  };
  start_worker(0, {{"gain", 1.5}});
  want({{1, {}}});
  std::optional<ipc::Frame> frame;
  for (int i = 0; i < 10; ++i) frame = next<ipc::Frame>();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->sequence, 9U);
  EXPECT_EQ(script_.last_request.controls.at("gain"), ControlValue(1.5));
  ASSERT_TRUE(socket_->send(ipc::SetControls{1, {{"gain", 4.0}}}).ok());
  ASSERT_TRUE(next<ipc::Reply>());
  std::optional<ipc::Status> status;
  do status = next<ipc::Status>();
  while (status && !status->away);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->away_reason, "unplugged");
  plugged.set_value();
  frame = next<ipc::Frame>();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->sequence, 10U) << "rises on, though the driver counts from 0 again";
  EXPECT_EQ(script_.last_request.controls.at("gain"), ControlValue(4.0)) << "what was set meanwhile";
}

TEST_F(WorkerRun, ACameraThatFailsSaysWhyAndEndsTheWorker) {
  script_.open = [](const CameraRequest&) -> Result<ipc::Opened> { return Error{ErrorCode::busy, "taken by cheese"}; };
  start_worker();
  const auto failed = next<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::busy);
  EXPECT_EQ(failed->error, "taken by cheese");
  EXPECT_EQ(finish(), 1);
}

TEST_F(WorkerRun, EndsOnStopOnTheSocketsEndAndOnASignal) {
  start_worker();
  ASSERT_TRUE(socket_->send(ipc::Stop{}).ok());
  ASSERT_EQ(worker_.wait_for(30s), std::future_status::ready);
  EXPECT_EQ(finish(), 0);
  start_worker();
  EXPECT_EQ(finish(), 0);
  start_worker();
  stop_->raise();
  ASSERT_EQ(worker_.wait_for(30s), std::future_status::ready);
  EXPECT_EQ(finish(), 0);
}

TEST_F(WorkerRun, AMessageThatAWorkerNeverGetsEndsIt) {
  start_worker();
  ASSERT_TRUE(socket_->send(ipc::Hello{1, "x", 1, 1}).ok());
  ASSERT_EQ(worker_.wait_for(30s), std::future_status::ready);
  EXPECT_EQ(finish(), 1);
}

TEST(SequenceCounter, GapsStayAndRestartsGoOn) {
  SequenceCounter counter(100);
  EXPECT_EQ(counter.number_of(0), 100U);
  EXPECT_EQ(counter.number_of(1), 101U);
  EXPECT_EQ(counter.number_of(5), 105U);
  EXPECT_EQ(counter.number_of(0), 106U);
  EXPECT_EQ(counter.number_of(2), 108U);
  SequenceCounter own(100);
  EXPECT_EQ(own.number_of(100), 100U) << "a driver that counts from first_sequence itself";
  EXPECT_EQ(own.number_of(102), 102U);
}

TEST(CameraList, IsAnArrayOfFoundCameras) {
  FoundCamera camera{.source = "v4l2:/dev/video0", .model = "Cam", .problem = "busy"};
  camera.modes = {{PixelFormat::yuyv, {640, 480}, 30'000}};
  const std::string text = to_json_text({camera});
  EXPECT_EQ(text.front(), '[');
  EXPECT_NE(text.find(R"("source":"v4l2:/dev/video0")"), std::string::npos);
  EXPECT_NE(text.find(R"("problem":"busy")"), std::string::npos);
  EXPECT_EQ(to_json_text({}), "[]");
}

TEST(StopSignal, WakesAWaiterAndStaysRaised) {
  auto stop = StopSignal::create();
  ASSERT_TRUE(stop.ok());
  EXPECT_FALSE(stop->raised());
  EXPECT_FALSE(stop->wait_until(std::chrono::steady_clock::now() + 5ms));
  auto waiter =
      std::async(std::launch::async, [&] { return stop->wait_until(std::chrono::steady_clock::now() + 60s); });
  stop->raise();
  EXPECT_TRUE(waiter.get());
  EXPECT_TRUE(stop->raised());
  EXPECT_TRUE(stop->wait_until(Timestamp{}));
}

}  // namespace
}  // namespace camweave
