// The supervisor with real processes: tests/fake_worker.cpp plays the cameras.
#include "control/supervisor/supervisor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

namespace camweave {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

CameraConfig fake(const std::string& id, const std::string& behaviour) {
  CameraConfig camera;
  camera.id = id;
  camera.source = "pattern:" + behaviour;
  return camera;
}

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "supervisor_test.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    begin();
  }
  ~SupervisorTest() override {
    supervisor_.reset();
    std::filesystem::remove_all(directory_);
  }
  void begin() {
    Supervisor::Options options;
    options.programs = WorkerPrograms({FAKE_WORKERS});
    options.state_directory = directory_.string();
    auto supervisor = Supervisor::start(clock_, log_, std::move(options));
    ASSERT_TRUE(supervisor) << supervisor.error().message;
    supervisor_ = *std::move(supervisor);
  }

  bool wait(const std::function<bool()>& condition, std::chrono::seconds patience = 20s) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }
  CameraStatus status(const std::string& id) { return supervisor_->find(id).value_or(CameraStatus{}); }
  bool wait_for(const std::string& id, CameraState state) {
    return wait([&] { return status(id).health.state == state; });
  }
  bool logged(const std::string& text, size_t times = 1) {
    size_t found = 0;
    for (const LogLine& line : log_.recent()) found += line.text.find(text) != std::string::npos;
    return found >= times;
  }
  std::shared_ptr<Stream> open(const std::string& id, const Rendition& rendition = {}) {
    auto stream = supervisor_->open(id, rendition);
    EXPECT_TRUE(stream) << stream.error().message;
    return stream ? *stream : nullptr;
  }
  // Waits for a packet newer than `after`.
  bool moves_on(const Stream& stream, uint64_t after) {
    return wait([&] {
      const auto packet = stream.newest();
      return packet && packet->info.sequence > after;
    });
  }
  Result<ControlOutcome> set(const std::string& id, ControlValues values) {
    std::promise<Result<ControlOutcome>> answer;
    supervisor_->set_controls(id, std::move(values),
                              [&](Result<ControlOutcome> outcome) { answer.set_value(outcome); });
    return answer.get_future().get();
  }
  pid_t worker_of(const std::string& id) {  // by the process table: our only children are workers
    (void)id;
    std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    pid_t pid = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream list(task.path() / "children");
      if (list >> pid) return pid;
    }
    return 0;
  }

  SystemClock clock_;
  Log log_{clock_, LogLevel::debug, {}};
  std::filesystem::path directory_;
  std::unique_ptr<Supervisor> supervisor_;
};

TEST_F(SupervisorTest, ACameraStreams) {
  supervisor_->configure({fake("front", "good")});
  const auto stream = open("front");
  ASSERT_TRUE(moves_on(*stream, 3));
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  const CameraStatus now = status("front");
  EXPECT_EQ(now.model, "Fake");
  EXPECT_EQ(now.mode.size, (Size{640, 480}));
  EXPECT_EQ(now.health.expected_fps, 50);
  EXPECT_EQ(now.health.restarts, 0u);
  EXPECT_EQ(now.renditions.size(), 1u);
  EXPECT_TRUE(now.health.last_frame_age_ms);
  EXPECT_EQ(stream->newest()->body.size(), 1000u);
}

TEST_F(SupervisorTest, TheLastReaderGoneTheEncoderStops) {
  supervisor_->configure({fake("front", "good")});
  auto stream = open("front");
  ASSERT_TRUE(moves_on(*stream, 1));
  ASSERT_TRUE(logged("renditions 1"));
  stream.reset();
  EXPECT_TRUE(wait([&] { return logged("renditions 0"); }));
  EXPECT_TRUE(status("front").renditions.empty());
}

TEST_F(SupervisorTest, AKilledWorkerIsBackAndTheSequenceGoesOn) {
  supervisor_->configure({fake("front", "good")});
  const auto stream = open("front");
  ASSERT_TRUE(moves_on(*stream, 10));
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  const uint64_t before = stream->newest()->info.sequence;
  const auto killed = std::chrono::steady_clock::now();
  ::kill(worker_of("front"), SIGKILL);
  ASSERT_TRUE(wait([&] { return status("front").health.restarts == 1; }));
  const uint64_t at_restart = stream->newest()->info.sequence;
  ASSERT_TRUE(moves_on(*stream, at_restart));
  EXPECT_LT(std::chrono::steady_clock::now() - killed, 10s);
  EXPECT_GE(at_restart, before);
  EXPECT_FALSE(stream->close_reason());
  EXPECT_THAT(status("front").health.last_error, HasSubstr("signal 9"));
}

TEST_F(SupervisorTest, AStoppedWorkerIsReplaced) {
  supervisor_->configure({fake("front", "good")});
  const auto stream = open("front");
  ASSERT_TRUE(moves_on(*stream, 3));
  const pid_t hung = worker_of("front");
  ::kill(hung, SIGSTOP);
  ASSERT_TRUE(wait_for("front", CameraState::stalled));
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  EXPECT_NE(worker_of("front"), hung);
  EXPECT_EQ(status("front").health.restarts, 1u);
}

TEST_F(SupervisorTest, AWorkerWithoutFramesIsReplacedThoughItTalks) {
  supervisor_->configure({fake("front", "stalls")});
  ASSERT_TRUE(wait_for("front", CameraState::stalled));
  EXPECT_THAT(status("front").health.last_error, HasSubstr("no picture"));
}

TEST_F(SupervisorTest, WhatTheWorkerSaidLastIsTheReason) {
  supervisor_->configure({fake("front", "failed")});
  ASSERT_TRUE(wait_for("front", CameraState::away));
  EXPECT_EQ(status("front").health.last_error, "no such device: plug it in");
  EXPECT_TRUE(wait([&] { return status("front").health.next_retry_s.has_value(); }));
  EXPECT_TRUE(wait([&] { return status("front").health.restarts >= 2; })) << "tried again and again";
}

TEST_F(SupervisorTest, AwayIsTold) {
  supervisor_->configure({fake("front", "away")});
  ASSERT_TRUE(wait_for("front", CameraState::away));
  EXPECT_EQ(status("front").health.last_error, "unplugged");
  auto outcome = set("front", {{"gain", 2.0}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::unavailable);
}

TEST_F(SupervisorTest, NoDriverIsOneLineAndTheRestRuns) {
  CameraConfig typo = fake("typo", "bars");
  typo.source = "patern:bars";
  CameraConfig absent = fake("absent", "x");
  absent.source = "genicam:serial=1";
  supervisor_->configure({typo, absent, fake("front", "good")});
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  EXPECT_EQ(status("typo").health.state, CameraState::failed);
  EXPECT_THAT(status("typo").health.last_error, HasSubstr("did you mean 'pattern'"));
  EXPECT_EQ(status("absent").health.state, CameraState::failed);
  EXPECT_THAT(status("absent").health.last_error, HasSubstr("install camweave-capture-genicam"));
}

class HostileWorkerTest : public SupervisorTest, public testing::WithParamInterface<const char*> {};

TEST_P(HostileWorkerTest, IsEndedCountedAndTouchesNothingElse) {
  supervisor_->configure({fake("good", "good"), fake("bad", GetParam())});
  const auto good = open("good");
  const auto bad = open("bad");
  ASSERT_TRUE(wait([&] { return supervisor_->figures().workers_that_broke_a_rule > 0; }, 40s)) << GetParam();
  ASSERT_TRUE(wait([&] { return status("bad").health.restarts > 0; })) << "tried again";
  EXPECT_THAT(status("bad").health.last_error, HasSubstr("broke a rule"));
  EXPECT_TRUE(logged("broke a rule"));
  ASSERT_TRUE(moves_on(*good, good->newest() ? good->newest()->info.sequence : 0));
  EXPECT_EQ(status("good").health.restarts, 0u);
  EXPECT_EQ(bad->newest(), nullptr);
}
INSTANTIATE_TEST_SUITE_P(Each, HostileWorkerTest,
                         testing::Values("bad-slot", "too-big", "unasked-rendition", "server-message", "garbage",
                                         "flood", "no-memory", "no-seal", "two-hellos"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_F(SupervisorTest, AWorkerThatDoesNotReadHoldsUpNobody) {
  supervisor_->configure({fake("good", "good"), fake("bad", "deaf")});
  const auto good = open("good");
  const auto bad = open("bad");
  ASSERT_TRUE(wait([&] { return status("bad").health.restarts > 0; }));
  ASSERT_TRUE(moves_on(*good, good->newest() ? good->newest()->info.sequence : 0));
  EXPECT_EQ(status("good").health.restarts, 0u);
}

TEST_F(SupervisorTest, AWorkerThatIsHeldUpGetsItsMessagesLater) {
  supervisor_->configure({fake("busy", "naps")});
  ASSERT_TRUE(wait([&] { return status("busy").health.state == CameraState::streaming; }));
  // More than the socket holds while the worker sleeps over the first.
  const auto stream = open("busy");
  std::atomic<int> answered = 0;
  for (int i = 0; i < 100; ++i) supervisor_->set_controls("busy", {{"gain", 2.0}}, [&](const auto&) { ++answered; });
  ASSERT_TRUE(wait([&] { return answered == 100; }));
  ASSERT_TRUE(moves_on(*stream, 1));
  EXPECT_EQ(status("busy").health.restarts, 0u);
  EXPECT_EQ(status("busy").health.last_error, "");
}

TEST_F(SupervisorTest, AWorkerThatHangsUpButStaysIsEnded) {
  supervisor_->configure({fake("bad", "closes-socket")});
  ASSERT_TRUE(wait([&] { return status("bad").health.restarts > 0; }));
}

TEST_F(SupervisorTest, WhatIsNoJpegIsLeftOutAndCounted) {
  supervisor_->configure({fake("a", "no-jpeg"), fake("b", "half-jpeg"), fake("c", "tiny-jpeg")});
  for (const std::string id : {"a", "b", "c"}) {
    const auto stream = open(id);
    ASSERT_TRUE(wait([&] { return status(id).health.dropped > 3; })) << id;
    EXPECT_EQ(stream->newest(), nullptr) << id;
    EXPECT_EQ(status(id).health.restarts, 0u) << id;
  }
}

TEST_F(SupervisorTest, CrashesBackOff) {
  supervisor_->configure({fake("bad", "crashes")});
  ASSERT_TRUE(wait([&] { return status("bad").health.restarts >= 2; }));
  EXPECT_THAT(status("bad").health.last_error, HasSubstr("signal 6"));
}

TEST_F(SupervisorTest, ControlsAnswerWithWhatTheDeviceTook) {
  supervisor_->configure({fake("front", "good")});
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  auto outcome = set("front", {{"gain", 2.7}});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->applied.at("gain"), ControlValue(2.0));
  EXPECT_EQ(find_control(*supervisor_->controls("front"), "gain")->value, ControlValue(2.0));

  auto refused = set("front", {{"gain", 99.0}, {"auto_gain", true}});
  ASSERT_TRUE(refused);
  ASSERT_EQ(refused->errors.size(), 1u);
  EXPECT_EQ(refused->errors[0].type, "less_than_equal");
  EXPECT_EQ(find_control(*supervisor_->controls("front"), "auto_gain")->value, ControlValue(false)) << "all or nothing";
  EXPECT_EQ(set("nobody", {{"gain", 1.0}}).error().code, ErrorCode::not_found);
}

TEST_F(SupervisorTest, AControlWithoutAnAnswerTimesOut) {
  supervisor_->configure({fake("front", "mute")});
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  auto outcome = set("front", {{"gain", 2.0}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::timeout);
}

TEST_F(SupervisorTest, WhatAUserSetFollowsTheDeviceThroughARestart) {
  supervisor_->configure({fake("front", "good")});
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  ASSERT_TRUE(set("front", {{"gain", 4.0}}));
  supervisor_.reset();
  begin();
  supervisor_->configure({fake("other-name", "good")});  // the same serial under another id
  ASSERT_TRUE(wait([&] {
    const auto controls = supervisor_->controls("other-name");
    return controls && find_control(*controls, "gain")->value == ControlValue(4.0);
  }));
  std::promise<Result<std::vector<Control>>> reset;
  supervisor_->reset_controls("other-name", [&](auto controls) { reset.set_value(controls); });
  auto controls = reset.get_future().get();
  ASSERT_TRUE(controls);
  EXPECT_EQ(find_control(*controls, "gain")->value, ControlValue(1.0));
  supervisor_.reset();
  std::ifstream file(directory_ / "controls.json");
  EXPECT_TRUE(nlohmann::json::parse(file)["devices"].empty());
}

TEST_F(SupervisorTest, ADamagedStateFileIsKeptAsideAndReported) {
  supervisor_.reset();
  std::ofstream(directory_ / "controls.json") << "{\"devices\": 5}";
  begin();
  EXPECT_TRUE(logged("controls.json.damaged-"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "controls.json"));
}

TEST_F(SupervisorTest, AStillIsAPacketOfItsOwn) {
  supervisor_->configure({fake("front", "good")});
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  std::promise<Result<PacketPtr>> still;
  supervisor_->still("front", 95, [&](Result<PacketPtr> packet) { still.set_value(packet); });
  auto packet = still.get_future().get();
  ASSERT_TRUE(packet) << packet.error().message;
  EXPECT_EQ((*packet)->body.size(), 1000u);
}

TEST_F(SupervisorTest, ACrowdAsksForOneKeyframe) {
  supervisor_->configure({fake("front", "good")});
  const auto stream = open("front", {.codec = Codec::h264});
  ASSERT_TRUE(wait([&] { return logged("renditions 1"); }));
  for (int i = 0; i < 1000; ++i) stream->request_keyframe();
  ASSERT_TRUE(wait([&] { return logged("keyframe"); }));
  stream->request_keyframe();
  ASSERT_TRUE(wait([&] { return logged("keyframe", 2); })) << "a later one is not lost";
  EXPECT_FALSE(logged("keyframe", 4));
}

TEST_F(SupervisorTest, TheNinthRenditionIsRefused) {
  supervisor_->configure({fake("front", "good")});
  ASSERT_TRUE(wait_for("front", CameraState::streaming));
  std::vector<std::shared_ptr<Stream>> held;
  for (int quality = 1; quality <= 8; ++quality) held.push_back(open("front", {.quality = quality}));
  auto ninth = supervisor_->open("front", {.quality = 9});
  ASSERT_FALSE(ninth);
  EXPECT_EQ(ninth.error().code, ErrorCode::exhausted);
  EXPECT_THAT(ninth.error().message, HasSubstr("camera front"));
}

TEST_F(SupervisorTest, AReloadLeavesUnchangedCamerasAlone) {
  supervisor_->configure({fake("a", "good"), fake("b", "good")});
  const auto a = open("a");
  const auto b = open("b");
  ASSERT_TRUE(moves_on(*a, 3));
  CameraConfig changed = fake("a", "good");
  supervisor_->configure({fake("c", "good"), changed});
  EXPECT_TRUE(wait([&] { return b->close_reason().has_value(); })) << "removed";
  EXPECT_EQ(supervisor_->id_at(0), "c");
  EXPECT_EQ(supervisor_->id_at(1), "a");
  EXPECT_FALSE(supervisor_->id_at(2));
  ASSERT_TRUE(moves_on(*a, a->newest()->info.sequence));
  EXPECT_EQ(status("a").health.restarts, 0u);
  EXPECT_FALSE(a->close_reason());
}

TEST_F(SupervisorTest, AChangedSourceRestartsOnlyThatCamera) {
  supervisor_->configure({fake("a", "good"), fake("b", "no-jpeg")});
  ASSERT_TRUE(wait_for("a", CameraState::streaming));
  ASSERT_TRUE(wait_for("b", CameraState::streaming));
  const auto b = open("b");
  ASSERT_TRUE(supervisor_->change(fake("b", "good")));
  EXPECT_TRUE(moves_on(*b, 0)) << "its streams live on, now with pictures";
  EXPECT_EQ(status("b").health.restarts, 0u) << "asked for, no failure";
}

TEST_F(SupervisorTest, DisabledHasNoWorker) {
  CameraConfig camera = fake("a", "good");
  camera.enabled = false;
  supervisor_->configure({camera});
  ASSERT_TRUE(wait_for("a", CameraState::disabled));
  camera.enabled = true;
  ASSERT_TRUE(supervisor_->change(camera));
  ASSERT_TRUE(wait_for("a", CameraState::streaming));
  camera.enabled = false;
  ASSERT_TRUE(supervisor_->change(camera));
  ASSERT_TRUE(wait_for("a", CameraState::disabled));
  EXPECT_TRUE(wait([&] { return worker_of("a") == 0; }));
}

TEST_F(SupervisorTest, AddedAndRemovedAtRunTime) {
  Mutex mutex;
  std::vector<std::string> events;
  const auto subscription = supervisor_->subscribe([&](const CameraEvent& event) {
    MutexLock lock(mutex);
    if (event.kind == CameraEvent::Kind::changed) events.push_back("changed " + event.id);
    if (event.kind == CameraEvent::Kind::removed) events.push_back("removed " + event.id);
  });
  ASSERT_TRUE(supervisor_->add(fake("a", "good")));
  EXPECT_EQ(supervisor_->add(fake("a", "good")).error().code, ErrorCode::busy);
  EXPECT_EQ(supervisor_->add(fake("Not An Id", "good")).error().code, ErrorCode::invalid_argument);
  ASSERT_TRUE(wait_for("a", CameraState::streaming));
  ASSERT_TRUE(supervisor_->remove("a"));
  EXPECT_FALSE(supervisor_->find("a"));
  EXPECT_EQ(supervisor_->remove("a").error().code, ErrorCode::not_found);
  EXPECT_TRUE(wait([&] { return worker_of("a") == 0; }));
  MutexLock lock(mutex);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front(), "changed a");
  EXPECT_EQ(events.back(), "removed a");
}

TEST_F(SupervisorTest, ShutDownEndsEvenTheStubborn) {
  supervisor_->configure({fake("a", "ignores-stop"), fake("b", "good"), fake("c", "failed")});
  ASSERT_TRUE(wait_for("a", CameraState::streaming));
  const auto begin = std::chrono::steady_clock::now();
  supervisor_->shut_down();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s) << "not for as long as it likes";
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no child is left";
}

TEST_F(SupervisorTest, WorkersInheritNoDescriptors) {
  const UniqueFd secret(::open("/etc/hostname", O_RDONLY));  // without close-on-exec
  supervisor_->configure({fake("a", "good")});
  ASSERT_TRUE(wait_for("a", CameraState::streaming));
  std::vector<std::string> descriptors;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(worker_of("a")) + "/fd")) {
    std::error_code gone;
    descriptors.push_back(std::filesystem::read_symlink(entry.path(), gone).string());
  }
  EXPECT_THAT(descriptors, testing::Not(testing::Contains(HasSubstr("hostname"))));
  EXPECT_THAT(descriptors, testing::Contains("/dev/null"));
}

}  // namespace
}  // namespace camweave
