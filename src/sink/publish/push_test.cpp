// A push against a server that a test plays by hand: each answer, each fault.
#include "sink/publish/push.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/rtsp/authentication.h"
#include "net/test_client.h"
#include "sink/publish/fake_target.h"
#include "stream/fake_cameras.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A camera of 50 frames a second, whose every fifth is a keyframe with its parameter sets.
class Footage {
 public:
  explicit Footage(FakeCameras& cameras) : cameras_(cameras) {}
  ~Footage() { stop(); }
  void start(Size size = {640, 480}, size_t frame_bytes = 3000) {
    stop();
    running_ = true;
    thread_ = std::thread([this, size, frame_bytes] {
      while (running_) {
        publish(size, frame_bytes);
        std::this_thread::sleep_for(20ms);
      }
    });
  }
  void stop() {
    running_ = false;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void publish(Size size, size_t frame_bytes) {
    const bool keyframe = number_ % 5 == 0;
    PacketInfo info;
    info.codec = Codec::h264;
    info.size = size;
    info.keyframe = keyframe;
    info.sequence = number_++;
    info.capture_time = SystemClock().now();
    info.capture_wall = SystemClock().wall_now();
    const std::string start("\0\0\0\1", 4), slice(frame_bytes, static_cast<char>(0x80));
    cameras_.publish("front", info,
                     keyframe ? start + "\x67\x42\xc0\x1f\x11" + start + "\x68\xce\x3c\x80" + start + "\x65" + slice
                              : start + "\x41" + slice);
  }

  FakeCameras& cameras_;
  uint64_t number_ = 0;
  std::atomic<bool> running_{false};
  std::thread thread_;
};

class PushTest : public testing::Test {
 protected:
  ~PushTest() override {
    footage_.stop();
    push_.reset();
    sources_.reset();
    loops_.reset();
  }
  void make(std::string url, std::chrono::nanoseconds patience = 5s, std::chrono::nanoseconds camera_patience = 5s) {
    PushOptions options{
        .name = "cam", .camera = "front", .rendition = {.codec = Codec::h264}, .target = *rtsp::parse_rtsp_url(url)};
    options.patience = patience;
    options.camera_patience = camera_patience;
    push_ = Push::create(
        loops_->at(1), {.cameras = cameras_, .sources = sources_, .log = log_, .chance = [] { return 1.0; }}, options);
  }
  void start(std::string url, std::chrono::nanoseconds patience = 5s) {
    make(std::move(url), patience);
    push_->start();
  }
  bool reaches(PushState state) {
    return eventually([&] { return push_->status().state == state; });
  }
  bool fails_with(const std::string& words) {
    return eventually([&] { return push_->status().last_error.find(words) != std::string::npos; });
  }
  std::string all_logged() {
    std::string all;
    for (const LogLine& line : log_.recent()) all += line.text + "\n";
    return all;
  }

  SystemClock clock_;
  Log log_{clock_, LogLevel::info, [](const LogLine&) {}};
  FakeCameras cameras_{{"front"}};
  Footage footage_{cameras_};
  std::unique_ptr<IoLoops> loops_ = *IoLoops::start(clock_, 2);
  std::shared_ptr<RtspSources> sources_ = std::make_shared<RtspSources>(*loops_);
  FakeTarget target_;
  std::shared_ptr<Push> push_;
};

TEST_F(PushTest, SendsWholeFramesFromAKeyframeOn) {
  footage_.start();
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  EXPECT_THAT(target_.take_session(), HasSubstr("sprop-parameter-sets=Z0LAHxE=,aM48gA=="));
  EXPECT_THAT(target_.frame(), ElementsAre(7, 8, 5)) << "parameter sets and an IDR picture";
  EXPECT_THAT(target_.frame(), ElementsAre(1));
  ASSERT_TRUE(reaches(PushState::streaming));
  uint16_t last = target_.packet_on(0).sequence();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(target_.packet_on(0).sequence(), ++last);
  const auto status = push_->status();
  EXPECT_GE(status.frames_sent, 15u);
  EXPECT_GT(status.bytes_sent, 15u * 3000);
  EXPECT_EQ(status.connections, 1u);
  EXPECT_EQ(status.last_error, "");
}

TEST_F(PushTest, AReportTellsTheTimeOfTheFirstFrame) {
  footage_.start();
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  unsigned packets = 0;
  auto report = target_.packet();
  for (; report.channel == 0; report = target_.packet()) ++packets;
  ASSERT_EQ(report.channel, 1);
  ASSERT_GE(report.bytes.size(), 28u);
  EXPECT_EQ(report.byte(1), 200u) << "SR";
  EXPECT_EQ(report.byte(23), packets) << "it counts what went before it";
}

TEST_F(PushTest, SaysFarewellAndFreesTheCamera) {
  footage_.start();
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  ASSERT_TRUE(reaches(PushState::streaming));
  EXPECT_EQ(cameras_.open_streams("front").size(), 1u);
  std::atomic<bool> done = false;
  push_->stop([&] { done = true; });
  const auto teardown = target_.expect("TEARDOWN");
  EXPECT_EQ(teardown.header("Session"), "s1");
  target_.answer(teardown);
  EXPECT_TRUE(eventually([&] { return done.load(); }));
  EXPECT_EQ(push_->status().state, PushState::stopped);
  EXPECT_TRUE(eventually([&] { return cameras_.open_streams("front").empty(); }));
}

TEST_F(PushTest, ATargetThatHangsDoesNotHoldUpTheStop) {
  footage_.start();
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  ASSERT_TRUE(reaches(PushState::streaming));
  std::atomic<bool> done = false;
  push_->stop([&] { done = true; });
  EXPECT_TRUE(eventually([&] { return done.load(); }));
}

TEST_F(PushTest, NothingIsEncodedWhileTheTargetIsAway) {
  footage_.start();
  const std::string url = target_.url();
  const uint16_t port = target_.port();
  target_.stop_listening();
  start(url);
  ASSERT_TRUE(fails_with("Connection refused"));
  EXPECT_TRUE(reaches(PushState::retrying));
  EXPECT_TRUE(push_->status().next_retry.has_value());
  EXPECT_TRUE(push_->is_on());
  EXPECT_TRUE(cameras_.open_streams("front").empty());
  FakeTarget back(port);
  ASSERT_TRUE(back.accept()) << "it tries again";
  back.take_session();
  EXPECT_THAT(back.frame(), ElementsAre(7, 8, 5));
  EXPECT_TRUE(reaches(PushState::streaming));
}

TEST_F(PushTest, RefusalsAreNamedAndTriedAgain) {
  footage_.start();
  start(target_.url());
  for (const int status : {404, 503}) {
    ASSERT_TRUE(target_.accept());
    target_.answer(target_.expect("OPTIONS"));
    target_.answer(target_.expect("ANNOUNCE"), status);
    EXPECT_TRUE(fails_with("the target answered " + std::to_string(status)));
  }
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  EXPECT_TRUE(reaches(PushState::streaming));
  EXPECT_THAT(push_->status().last_error, HasSubstr("503")) << "kept after recovery";
}

TEST_F(PushTest, AnAnswerThatDoesNotComeIsBounded) {
  footage_.start();
  start(target_.url(), 1500ms);
  for (const std::string silent : {"OPTIONS", "ANNOUNCE", "SETUP", "RECORD"}) {
    ASSERT_TRUE(target_.accept());
    for (;;) {
      const auto request = target_.request();
      ASSERT_NE(request.method, "");
      if (request.method == silent) break;
      target_.answer_set_up(request);
    }
    EXPECT_TRUE(fails_with("no answer to " + silent));
  }
}

TEST_F(PushTest, AResetInTheMiddleOfAFrameCostsABlink) {
  footage_.start({640, 480}, 200'000);
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  EXPECT_EQ(target_.packet_on(0).nal_types().front(), 7);
  target_.reset();
  ASSERT_TRUE(target_.accept());
  EXPECT_NE(push_->status().last_error, "");
  target_.take_session();
  EXPECT_THAT(target_.frame(), ElementsAre(7, 8, 5)) << "pictures begin with a keyframe again";
  EXPECT_TRUE(eventually([&] { return push_->status().connections == 2; }));
}

TEST_F(PushTest, ATargetThatStopsReadingIsLeft) {
  footage_.start({640, 480}, 200'000);
  start(target_.url(), 1500ms);
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  EXPECT_TRUE(fails_with("stopped reading"));
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  EXPECT_THAT(target_.frame(), ElementsAre(7, 8, 5));
}

TEST_F(PushTest, ASlowTargetLosesWholeFramesUpToAKeyframe) {
  footage_.start({640, 480}, 300'000);
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  EXPECT_THAT(target_.frame(), ElementsAre(7, 8, 5));
  // Nothing is read until it is over a second behind; then all of it is.
  const auto until = clock_.now() + 1500ms;
  while (clock_.now() < until) std::this_thread::sleep_for(20ms);
  bool gap = false;
  std::optional<uint16_t> last;
  for (int frames = 0; frames < 200 && !gap;) {
    const auto one = target_.packet_on(0);
    ASSERT_EQ(one.channel, 0);
    if (last && one.sequence() != static_cast<uint16_t>(*last + 1)) {
      gap = true;
      EXPECT_EQ(one.nal_types().front(), 7) << "after the gap a keyframe";
    }
    last = one.sequence();
    frames += one.marker() ? 1 : 0;
  }
  EXPECT_TRUE(gap);
  EXPECT_GT(push_->status().frames_dropped, 0u);
  EXPECT_EQ(push_->status().connections, 1u) << "it was slow, not gone";
}

TEST_F(PushTest, SignsInByDigest) {
  footage_.start();
  start(target_.url("any:hunter2"));
  const rtsp::Authenticator guard("hunter2");
  ASSERT_TRUE(target_.accept());
  target_.answer(target_.expect("OPTIONS"));
  const auto unsigned_request = target_.expect("ANNOUNCE");
  EXPECT_FALSE(guard.accepts(unsigned_request, "n1"));
  target_.answer(unsigned_request, 401, rtsp::Authenticator::challenges("n1"));
  for (const char* method : {"ANNOUNCE", "SETUP", "RECORD"}) {
    const auto request = target_.expect(method);
    EXPECT_TRUE(guard.accepts(request, "n1")) << method;
    target_.answer_set_up(request);
  }
  EXPECT_THAT(target_.frame(), ElementsAre(7, 8, 5));
}

TEST_F(PushTest, AWrongPasswordIsSaidButNotShown) {
  footage_.start();
  start(target_.url("any:hunter2"));
  ASSERT_TRUE(target_.accept());
  target_.answer(target_.expect("OPTIONS"));
  for (int i = 0; i < 2; ++i) target_.answer(target_.expect("ANNOUNCE"), 401, rtsp::Authenticator::challenges("n1"));
  ASSERT_TRUE(fails_with("wrong user or password"));
  EXPECT_THAT(push_->status().last_error + all_logged(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(all_logged(), HasSubstr("rtsp://***@127.0.0.1"));
}

TEST_F(PushTest, RedirectsInCirclesEnd) {
  start(target_.url());
  for (int i = 0; i <= Push::most_redirects; ++i) {
    ASSERT_TRUE(target_.accept());
    target_.answer(target_.expect("OPTIONS"), 302, {{"Location", target_.url()}});
  }
  EXPECT_TRUE(fails_with("redirects in circles"));
}

TEST_F(PushTest, FollowsARedirect) {
  footage_.start();
  FakeTarget other;
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.answer(target_.expect("OPTIONS"), 301, {{"Location", other.url()}});
  ASSERT_TRUE(other.accept());
  other.take_session();
  EXPECT_THAT(other.frame(), ElementsAre(7, 8, 5));
}

TEST_F(PushTest, ACameraWithoutPicturesDoesNotHoldTheTarget) {
  make(target_.url(), 5s, 300ms);
  push_->start();
  ASSERT_TRUE(target_.accept());
  target_.answer(target_.expect("OPTIONS"));
  EXPECT_EQ(target_.request().method, "") << "it is let go";
  ASSERT_TRUE(reaches(PushState::waiting_for_camera));
  footage_.start();
  ASSERT_TRUE(target_.accept()) << "with the first picture it is asked again";
  target_.take_session();
  EXPECT_TRUE(reaches(PushState::streaming));
}

TEST_F(PushTest, ACameraThatGoesAwayIsWaitedFor) {
  footage_.start();
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  ASSERT_TRUE(reaches(PushState::streaming));
  cameras_.remove_camera("front");
  EXPECT_TRUE(fails_with("camera front: the camera was removed"));
  ASSERT_TRUE(target_.accept());
  target_.answer(target_.expect("OPTIONS"));
  EXPECT_TRUE(fails_with("there is no camera 'front'"));
}

TEST_F(PushTest, AnotherSizeIsAnnouncedAnew) {
  footage_.start();
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  EXPECT_THAT(target_.take_session(), HasSubstr("a=x-dimensions:640,480"));
  ASSERT_TRUE(reaches(PushState::streaming));
  footage_.start({320, 240});
  ASSERT_TRUE(target_.accept());
  EXPECT_THAT(target_.take_session(), HasSubstr("a=x-dimensions:320,240"));
  EXPECT_EQ(push_->status().last_error, "") << "that is no failure";
}

TEST_F(PushTest, NonsenseIsNoAnswer) {
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.expect("OPTIONS");
  target_.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_TRUE(fails_with("the target sent no RTSP"));
}

TEST_F(PushTest, WhatTheTargetSaysMeanwhileIsTakenInItsStride) {
  footage_.start();
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  ASSERT_TRUE(reaches(PushState::streaming));
  target_.send(std::string("$\x01\x00\x04", 4) + "abcd");
  target_.send("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n");
  EXPECT_TRUE(eventually([&] {
    target_.packet();
    return !target_.responses().empty();
  }));
  EXPECT_EQ(target_.responses().front().status, 200);
  EXPECT_EQ(push_->status().connections, 1u);
}

TEST_F(PushTest, StartAndStopAreIdempotentAtAnySpeed) {
  footage_.start();
  make(target_.url());
  for (int i = 0; i < 20; ++i) {
    push_->start();
    push_->start();
    push_->stop();
    push_->stop();
  }
  std::atomic<bool> done = false;
  push_->stop([&] { done = true; });
  ASSERT_TRUE(eventually([&] { return done.load(); }));
  EXPECT_EQ(push_->status().state, PushState::stopped);
  push_->start();
  EXPECT_TRUE(eventually([&] { return push_->status().state != PushState::stopped; }));
}

TEST_F(PushTest, MayBeLetGoAtAnyMoment) {
  footage_.start();
  start(target_.url());
  ASSERT_TRUE(target_.accept());
  target_.take_session();
  ASSERT_TRUE(reaches(PushState::streaming));
  push_.reset();
  while (target_.packet().channel >= 0) {
  }
  EXPECT_TRUE(eventually([&] { return cameras_.open_streams("front").empty(); }));
}

}  // namespace
}  // namespace camweave
