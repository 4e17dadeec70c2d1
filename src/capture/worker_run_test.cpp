// A worker's whole life: slots, status, controls, stills, its camera's going and coming, its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "capture/scripted_worker.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;
using WorkerRun = ScriptedWorker;

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

}  // namespace
}  // namespace camweave
