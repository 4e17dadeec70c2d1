// For tests: a worker whose server is the test and whose camera does what the test says.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <mutex>

#include "base/fake_clock.h"
#include "capture/worker_run.h"
#include "ipc/packet_pool.h"

namespace camweave {

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
inline Script* script = nullptr;  // of the running test

inline std::vector<Control> schema() {
  Control gain;
  gain.name = "gain";
  gain.type = ControlType::real;
  gain.min = 1;
  gain.max = 16;
  gain.default_value = 1.0;
  gain.value = 2.0;
  return {gain};
}

inline ipc::Opened opened_as(PixelFormat format, Size size = {64, 48}) {
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

inline const Driver driver{
    "scripted", [](const Clock&, Log&) -> std::unique_ptr<Camera> { return std::make_unique<ScriptedCamera>(); },
    nullptr};

// A 64x48 grey frame, or a little thing that begins as a JPEG.
inline Frame raw_frame(uint64_t sequence, Timestamp time = std::chrono::steady_clock::now()) {
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

inline Frame packet_frame(PixelFormat format, uint64_t sequence, std::vector<uint8_t> bytes, bool keyframe = true) {
  auto held = std::make_shared<std::vector<uint8_t>>(std::move(bytes));
  Frame frame = raw_frame(sequence);
  frame.format = format;
  frame.planes[0] = {reinterpret_cast<const std::byte*>(held->data()), 0, held->size()};
  frame.keyframe = keyframe;
  frame.buffer = std::move(held);
  return frame;
}

inline const std::vector<uint8_t> small_jpeg{0xFF, 0xD8, 0xFF, 0xDB, 0, 4, 0, 1, 0xFF, 0xD9};

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

inline Result<std::unique_ptr<Encoder>> make_fake_encoder(const Rendition& rendition, const Frame&) {
  if (rendition.codec != Codec::jpeg) return Error{ErrorCode::unsupported, "no such encoder"};
  return std::unique_ptr<Encoder>(std::make_unique<FakeEncoder>());
}

class ScriptedWorker : public testing::Test {
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
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
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
    if (worker_.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
      ADD_FAILURE() << "the worker doesn't end";
      std::abort();
    }
    return worker_.get();
  }

  // Delivers frames made by `make` until the stop, one each 2 ms.
  static std::function<Result<void>(FrameSink&, const StopSignal&)> stream_of(std::function<Frame(uint64_t)> make) {
    return [make = std::move(make)](FrameSink& sink, const StopSignal& stop) -> Result<void> {
      for (uint64_t i = 0; !stop.wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(2)); ++i)
        sink.deliver(make(i));
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

}  // namespace camweave
