// The driver with a camera that the test moves by hand: requests, controls, stills, unplugging, and what fails on the
// way.
#include "capture/libcamera/libcamera_camera.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "capture/fake_sink.h"
#include "capture/libcamera/fake_system.h"

namespace camweave::libcam {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

class LibcameraTest : public ::testing::Test {
 protected:
  ~LibcameraTest() override {
    stop_signal_.raise();
    if (running_.valid()) running_.wait();
  }

  Result<ipc::Opened> open(const std::string& options = "") {
    request_.source = *parse_source_uri("libcamera:0" + options);
    if (request_.wanted_size.empty()) request_.wanted_size = {64, 48};
    return camera_->open(request_);
  }
  // Opens and runs on a thread, as the runtime does.
  void start(const std::string& options = "") {
    const auto opened = open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    running_ = std::async(std::launch::async, [this] { return camera_->run(sink_, stop_signal_); });
    if (!request_.capture_on_demand) wait_until([this] { return state_.queued_count() == 4; });
  }
  Result<void> ended() {
    EXPECT_EQ(running_.wait_for(20s), std::future_status::ready);
    return running_.get();
  }
  Result<void> stop() {
    stop_signal_.raise();
    return running_.valid() ? ended() : Result<void>();
  }
  static void wait_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(1ms);
    }
  }
  FrameReport report(uint32_t sequence) const {
    FrameReport report;
    report.sequence = sequence;
    report.timestamp_ns = to_nanoseconds(clock_.now());
    return report;
  }

  FakeState state_;
  FakeSystem system_{state_};
  SystemClock clock_;
  std::vector<std::string> lines_;
  Log log_{clock_, LogLevel::warning, [this](const LogLine& line) { lines_.push_back(line.text); }};
  std::unique_ptr<Camera> camera_ = make_camera(system_, clock_, log_);
  CameraRequest request_;
  FakeSink sink_;
  StopSignal stop_signal_ = *StopSignal::create();
  std::future<Result<void>> running_;
};

TEST_F(LibcameraTest, OpensTheWantedSizeAndSaysWhoItIs) {
  const auto opened = open();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->model, "imx219");
  EXPECT_EQ(opened->identity, "libcamera:/base/i2c@1/imx219@10");
  EXPECT_EQ(opened->mode, (ipc::Mode{PixelFormat::nv12, {64, 48}, 0}));
  EXPECT_EQ(opened->mode_note, "");
}

TEST_F(LibcameraTest, SaysWhatTheCameraAdjusted) {
  state_.adjust = [](StreamTaken& taken) {
    taken.size = {1920, 1080};
    taken.turned = false;
  };
  const auto opened = open("?rotation=90&hflip=1");
  EXPECT_EQ(opened->mode.size, (Size{1920, 1080}));
  EXPECT_THAT(opened->mode_note, HasSubstr("the camera took NV12 1920x1080"));
  EXPECT_THAT(opened->mode_note, HasSubstr("can't turn"));
  MutexLock lock(state_.mutex);
  EXPECT_EQ(state_.wishes.back().turn, (Turn{true, false, 90}));
}

TEST_F(LibcameraTest, RefusesWhatItCantDo) {
  EXPECT_EQ(open("?format=MJPEG").error().code, ErrorCode::unsupported);
  EXPECT_EQ(open("?format=nonsense").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(open("?rotation=45").error().code, ErrorCode::invalid_argument);
}

TEST_F(LibcameraTest, PlanesAreHandedOverWhereTheyLieAndQueuedAgainOnceLetGo) {
  state_.padding_bytes = 512;
  start();
  state_.complete(report(1), 0x55);
  ASSERT_TRUE(sink_.wait_for(1));
  EXPECT_EQ(state_.queued_count(), 3u);
  {
    const auto frames = sink_.frames();
    const Frame& frame = frames.at(0);
    EXPECT_EQ(frame.planes[0].size_bytes, 64u * 48);
    EXPECT_EQ(frame.planes[1].size_bytes, 64u * 24);
    EXPECT_EQ(frame.planes[1].data, frame.planes[0].data + 64 * 48);
    EXPECT_EQ(frame.planes[0].stride_bytes, 64u);
    EXPECT_EQ(frame.planes[0].data[0], std::byte{0x55});
    EXPECT_EQ(frame.planes[1].data[64 * 24 - 1], std::byte{0x55});
  }
  sink_.forget_frames();
  wait_until([&] { return state_.queued_count() == 4; });
  EXPECT_TRUE(stop());
}

TEST_F(LibcameraTest, AFrameOutlivesTheCamera) {
  start();
  state_.complete(report(1), 0x33);
  ASSERT_TRUE(sink_.wait_for(1));
  EXPECT_TRUE(stop());
  camera_.reset();
  EXPECT_EQ(sink_.frames().at(0).planes[0].data[7], std::byte{0x33});
  sink_.forget_frames();
  MutexLock lock(state_.mutex);
  EXPECT_EQ(state_.open_devices, 0);
}

TEST_F(LibcameraTest, MetadataTravelsWithItsFrame) {
  start();
  FrameReport told = report(1);
  told.exposure_us = 12'000;
  told.analogue_gain = 1.5;
  told.digital_gain = 2;
  told.lux = 45;
  told.colour_temperature_k = 4200;
  state_.complete(told);
  ASSERT_TRUE(sink_.wait_for(1));
  EXPECT_EQ(sink_.frames().at(0).metadata, (FrameMetadata{12'000, 3.0F, 4200.0F, 45.0F}));
}

TEST_F(LibcameraTest, WhatAnAutomaticMovesIsTold) {
  state_.controls = {
      {"ExposureTime", ValueType::integer, false, int64_t{100}, int64_t{60'000}, int64_t{10'000}, {}, {}}};
  start();
  FrameReport told = report(1);
  told.exposure_us = 12'345;
  state_.complete(told);
  ASSERT_TRUE(sink_.wait_for(1));
  const auto controls = sink_.controls();
  ASSERT_EQ(controls.size(), 1u);
  EXPECT_EQ(controls[0].value, ControlValue(int64_t{12'345}));
}

TEST_F(LibcameraTest, DamagedCancelledAndLostFramesAreCounted) {
  sink_.set_wanted(false);
  start();
  for (uint32_t sequence = 0; sequence < 12; ++sequence) {
    wait_until([&] { return state_.complete(report(sequence)); });
  }
  ASSERT_TRUE(sink_.wait_for(12));
  EXPECT_EQ(sink_.dropped(), 0u);
  FrameReport damaged = report(14);  // 12 and 13 were lost
  damaged.damaged = true;
  wait_until([&] { return state_.complete(damaged); });
  wait_until([&] { return sink_.dropped() == 3; });
  FrameReport cancelled;
  cancelled.cancelled = true;
  wait_until([&] { return state_.complete(cancelled); });
  wait_until([&] { return sink_.dropped() == 4; });
  wait_until([&] { return state_.queued_count() == 4; });
  state_.complete(report(15));
  ASSERT_TRUE(sink_.wait_for(13));
  EXPECT_EQ(sink_.seen().back().sequence, 15u);
}

TEST_F(LibcameraTest, ACameraThatCancelsEverythingHasFailed) {
  start();
  FrameReport cancelled;
  cancelled.cancelled = true;
  while (running_.wait_for(0s) != std::future_status::ready) state_.complete(cancelled);
  EXPECT_EQ(ended().error().code, ErrorCode::io);
}

TEST_F(LibcameraTest, TornJpegsAreDroppedAndBytesUsedIsNotTrustedBeyondTheBuffer) {
  state_.video = {{PixelFormat::jpeg, {{64, 48}}, {}, {}}};
  start();
  FrameReport told = report(1);
  told.used_bytes[0] = UINT32_MAX;
  state_.complete_with("no JPEG at all", told);
  wait_until([&] { return sink_.dropped() == 1; });
  state_.complete_with("\xff\xd8\xff\xc4\x04", report(2));  // bytesused 0
  wait_until([&] { return sink_.dropped() == 2; });
}

TEST_F(LibcameraTest, ControlsGoWithTheNextRequests) {
  state_.controls = {
      {"AeEnable", ValueType::boolean, false, false, true, true, {}, {}},
      {"ExposureTime", ValueType::integer, false, int64_t{100}, int64_t{60'000}, int64_t{10'000}, {}, {}}};
  sink_.set_wanted(false);
  start();
  const auto outcome = camera_->set_controls({{"auto_exposure", false}, {"exposure_us", int64_t{20'000}}});
  EXPECT_TRUE(outcome.errors.empty());
  EXPECT_EQ(outcome.applied.at("exposure_us"), ControlValue(int64_t{20'000}));
  uint32_t sequence = 0;
  wait_until([&] {
    state_.complete(report(sequence++));
    return state_.sent_so_far().size() >= 2;
  });
  EXPECT_EQ(state_.sent_so_far(),
            (std::vector<DeviceValues>{{{"AeEnable", false}}, {{"ExposureTime", int64_t{20'000}}}}));
}

TEST_F(LibcameraTest, SavedControlsComeWithTheStartAndWithTheFirstRequests) {
  state_.controls = {
      {"AeEnable", ValueType::boolean, false, false, true, true, {}, {}},
      {"ExposureTime", ValueType::integer, false, int64_t{100}, int64_t{60'000}, int64_t{10'000}, {}, {}},
      {"FrameDurationLimits", ValueType::integer, true, int64_t{10'000}, int64_t{100'000}, {}, {}, {}}};
  request_.controls = {{"exposure_us", int64_t{5'000}}, {"gone", true}};
  request_.wanted_fps_milli = 25'000;
  start();
  const DeviceValues first{{"AeEnable", false}, {"FrameDurationLimits", std::vector<double>{40'000, 40'000}}};
  EXPECT_EQ(state_.sent_so_far(), (std::vector<DeviceValues>{first, first, {{"ExposureTime", int64_t{5'000}}}}));
  EXPECT_THAT(lines_, Contains(HasSubstr("gone is not a control")));
}

TEST_F(LibcameraTest, AnotherFrameRateIsTheStreamsRate) {
  state_.controls = {{"FrameDurationLimits", ValueType::integer, true, int64_t{10'000}, int64_t{100'000}, {}, {}, {}}};
  start();
  camera_->set_controls({{"frame_rate", 50.0}});
  wait_until([&] { return !sink_.modes().empty(); });
  EXPECT_EQ(sink_.modes().back().fps_milli, 50'000);
}

TEST_F(LibcameraTest, AStillIsTakenInFullResolutionAndTheStreamGoesOn) {
  start();
  std::promise<Result<Frame>> answer;
  ASSERT_TRUE(camera_->request_still([&](Result<Frame> still) { answer.set_value(std::move(still)); }));
  auto future = answer.get_future();
  while (future.wait_for(1ms) != std::future_status::ready) state_.complete(report(1));
  {
    const auto still = future.get();
    ASSERT_TRUE(still) << still.error().message;
    EXPECT_EQ(still->size, (Size{3280, 2464}));
  }
  wait_until([&] {
    MutexLock lock(state_.mutex);
    return state_.taken.size == Size{64, 48} && state_.queued.size() == 4;
  });
  sink_.forget_frames();
  state_.complete(report(1));
  ASSERT_TRUE(sink_.wait_for(1));
  EXPECT_EQ(sink_.frames().back().size, (Size{64, 48}));
}

TEST_F(LibcameraTest, WithoutALargerStillTheStreamsNextFrameWillDo) {
  state_.still.clear();
  start();
  EXPECT_FALSE(camera_->request_still([](Result<Frame>) {}));
}

TEST_F(LibcameraTest, OnDemandTheCameraStandsStillWhileNobodyWatches) {
  request_.capture_on_demand = true;
  sink_.set_wanted(false);
  start();
  sink_.set_wanted(true);
  wait_until([&] { return state_.queued_count() == 4; });
  sink_.set_wanted(false);
  wait_until([&] { return state_.queued_count() == 0; });
  MutexLock lock(state_.mutex);
  EXPECT_EQ(state_.starts, 1);
}

TEST_F(LibcameraTest, UnpluggingIsNotFoundAndTheReturnIsAwaitedByEvents) {
  start();
  state_.unplug();
  const auto end = ended();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::not_found);
  auto waiting = std::async(std::launch::async, [this] { return camera_->wait_for_device(request_, stop_signal_); });
  EXPECT_EQ(waiting.wait_for(20ms), std::future_status::timeout);
  state_.gone = false;
  state_.change();
  ASSERT_EQ(waiting.wait_for(20s), std::future_status::ready);
  EXPECT_TRUE(waiting.get());
  EXPECT_TRUE(open());
}

TEST_F(LibcameraTest, WaitingForADeviceEndsWithTheStop) {
  state_.gone = true;
  EXPECT_EQ(open().error().code, ErrorCode::not_found);
  auto waiting = std::async(std::launch::async, [this] { return camera_->wait_for_device(request_, stop_signal_); });
  stop_signal_.raise();
  ASSERT_EQ(waiting.wait_for(20s), std::future_status::ready);
  EXPECT_FALSE(waiting.get());
}

TEST_F(LibcameraTest, WhateverFailsIsReportedAndLeavesNothingBehind) {
  for (const char* function : {"take", "configure"}) {
    state_.failures = {{function, Error{ErrorCode::busy, "in use by another program"}}};
    EXPECT_EQ(open().error().code, ErrorCode::busy) << function;
  }
  for (const char* function : {"allocate", "start", "queue"}) {
    state_.failures.clear();
    ASSERT_TRUE(open());
    state_.failures = {{function, Error{ErrorCode::io, "broken"}}};
    EXPECT_EQ(camera_->run(sink_, stop_signal_).error().code, ErrorCode::io) << function;
  }
  state_.failures.clear();
  state_.busy_memory = true;
  ASSERT_TRUE(open());
  EXPECT_EQ(camera_->run(sink_, stop_signal_).error().code, ErrorCode::protocol);
  camera_.reset();
  MutexLock lock(state_.mutex);
  EXPECT_EQ(state_.open_devices, 0);
}

TEST_F(LibcameraTest, ListsCamerasWithModesAndWhyOneCantBeUsed) {
  auto found = list_cameras(system_);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->at(0).source, "libcamera:/base/i2c@1/imx219@10");
  EXPECT_EQ(found->at(0).problem, "");
  EXPECT_FALSE(found->at(0).modes.empty());
  state_.failures = {{"take", Error{ErrorCode::busy, "in use by another program"}}};
  found = list_cameras(system_);
  EXPECT_THAT(found->at(0).problem, HasSubstr("in use"));
}

}  // namespace
}  // namespace camweave::libcam
