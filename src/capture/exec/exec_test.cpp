#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <thread>

#include "capture/exec/child_process.h"
#include "capture/exec/command_words.h"
#include "capture/exec/exec_camera.h"
#include "capture/exec/line_reader.h"
#include "capture/exec/picture_stream.h"
#include "capture/running_camera.h"

namespace camweave::exec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(CommandWords, AreSplitAsAShellDoes) {
  EXPECT_THAT(*split_command("  a  b\tc "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*split_command(R"(a 'b  $c\' "d \"e\" \x" f\ g '' h'i'"j")"),
              ElementsAre("a", "b  $c\\", "d \"e\" \\x", "f g", "", "hij"));
  for (const char* bad : {"", "   ", "a 'b", "a \"b", "a\\", "'' b"}) EXPECT_FALSE(split_command(bad)) << bad;
}

TEST(CommandWords, JoinedAndSplitTheyAreTheSame) {
  const std::vector<std::string> words{"a", "", "b c", "d'e", "f\"g\\", "$(h)"};
  EXPECT_EQ(*split_command(join_command(words)), words);
}

TEST(LineReader, ProgressIsNoLineButTheLastOfItIs) {
  std::vector<std::string> lines;
  LineReader reader;
  const auto keep = [&](const std::string& line) { lines.push_back(line); };
  reader.push("one\r\ntw", keep);
  reader.push("o\nframe=1\rframe=2\r", keep);
  reader.finish(keep);
  EXPECT_THAT(lines, ElementsAre("one", "two", "frame=2"));
}

class Running : public RunningCamera {
 public:
  explicit Running(const std::string& command, bool wanted = true)
      : RunningCamera(make_camera, request(command), wanted) {}

 private:
  static CameraRequest request(const std::string& command) {
    CameraRequest request;
    request.source = *parse_source_uri("exec:" + command);
    request.first_sequence = 100;
    return request;
  }
};

const std::string ffmpeg = "ffmpeg -v error -re -f lavfi -i testsrc2=s=320x240:r=50 ";

TEST(ExecCamera, MjpegOfFfmpegComesWhole) {
  Running camera(ffmpeg + "-f mjpeg -");
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  EXPECT_EQ(camera.opened()->mode.size, (Size{320, 240}));
  EXPECT_EQ(camera.opened()->mode.format, PixelFormat::jpeg);
  ASSERT_TRUE(camera.sink().wait_for(20));
  EXPECT_TRUE(camera.finish());
  const auto frames = camera.sink().frames();
  for (size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(frames[i].sequence, 100 + i);
  EXPECT_EQ(camera.sink().dropped(), 0u);
}

TEST(ExecCamera, H264IsPassedOnAsItIs) {
  Running camera(ffmpeg + "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -f h264 -");
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  EXPECT_EQ(camera.opened()->mode.format, PixelFormat::h264);
  EXPECT_EQ(camera.opened()->mode.size, (Size{320, 240}));
  ASSERT_TRUE(camera.sink().wait_for(30));
  camera.sink().set_wanted(false);
  ASSERT_TRUE(camera.sink().wait_for(camera.sink().seen().size() + 10));
  EXPECT_TRUE(camera.finish());
  const auto seen = camera.sink().seen();
  for (size_t i = 0; i < seen.size(); ++i) {
    EXPECT_TRUE(seen[i].delivered) << "also while nobody watches: who begins needs all since the keyframe";
    EXPECT_EQ(seen[i].sequence, 100 + i);
    EXPECT_GE(seen[i].capture_time, seen[i > 0 ? i - 1 : 0].capture_time);
  }
  const auto frames = camera.sink().frames();
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].format, PixelFormat::h264);
    EXPECT_EQ(frames[i].keyframe, i % 25 == 0) << i;
    EXPECT_GT(frames[i].bytes().size(), 4u);
  }
}

TEST(ExecCamera, H264WhosePicturesComeInAnotherOrderIsDecoded) {
  Running camera(ffmpeg +
                 "-c:v libx264 -preset veryfast -bf 2 -x264-params rc-lookahead=0:sync-lookahead=0 -g 25 "
                 "-pix_fmt yuv420p -f h264 -");
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  EXPECT_EQ(camera.opened()->mode.format, PixelFormat::i420);
  ASSERT_TRUE(camera.sink().wait_for(20));
  camera.sink().set_wanted(false);
  ASSERT_TRUE(camera.sink().wait_for(camera.sink().seen().size() + 10));
  camera.sink().set_wanted(true);
  ASSERT_TRUE(camera.sink().wait_for(camera.sink().seen().size() + 5));
  EXPECT_TRUE(camera.finish());
  EXPECT_THAT(camera.log_text(), Not(HasSubstr("belong to no picture")));
  const auto seen = camera.sink().seen();
  EXPECT_TRUE(seen.back().delivered);
  for (size_t i = 1; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].sequence, seen[i - 1].sequence + 1);
    EXPECT_GE(seen[i].capture_time, seen[i - 1].capture_time);
  }
}

TEST(ExecCamera, NobodyWatchingFramesAreOnlyCounted) {
  Running camera(ffmpeg + "-f mjpeg -", /*wanted=*/false);
  ASSERT_TRUE(camera.opened());
  ASSERT_TRUE(camera.sink().wait_for(10));
  EXPECT_TRUE(camera.finish());
  for (const auto& seen : camera.sink().seen()) EXPECT_TRUE(!seen.delivered || seen.sequence == 100);
}

TEST(ExecCamera, TheErrorHasTheExitStatusAndTheLastWords) {
  Running ends(R"(sh -c "echo first >&2; echo no camera here >&2; exit 3")");
  ASSERT_FALSE(ends.opened());
  EXPECT_EQ(ends.opened().error().message, "exec: sh ended with exit status 3: no camera here");
  EXPECT_THAT(ends.log_text(), HasSubstr("first\nno camera here\n"));

  Running killed(R"(sh -c "kill -9 $$")");
  EXPECT_EQ(killed.opened().error().message, "exec: sh was killed by signal 9 (Killed)");

  Running missing("no-such-program-here -x");
  EXPECT_EQ(missing.opened().error().code, ErrorCode::not_found);
  EXPECT_EQ(missing.opened().error().message, "exec: program 'no-such-program-here' is not in PATH: is it installed?");

  Running text("/dev/null");
  EXPECT_EQ(text.opened().error().code, ErrorCode::permission_denied);
}

TEST(ExecCamera, AProgramThatEndsLaterIsAnError) {
  Running camera("ffmpeg -v error -f lavfi -i testsrc2=s=64x64 -frames:v 5 -f mjpeg -");
  ASSERT_TRUE(camera.opened());
  const auto ended = camera.join();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "exec: ffmpeg ended with exit status 0");
  EXPECT_GE(camera.sink().frames().size(), 1u);
}

TEST(ExecCamera, GarbageAndTornPicturesAreLeftOutAndCounted) {
  const std::string folder = testing::TempDir();
  ASSERT_EQ(std::system(("ffmpeg -v error -y -f lavfi -i testsrc2=s=64x64 -frames:v 1 " + folder + "one.jpg").c_str()),
            0);
  Running camera("sh -c 'cd " + folder +
                 "; printf hello; cat one.jpg; printf rubbish; head -c 900 one.jpg; cat one.jpg one.jpg; sleep 100'");
  ASSERT_TRUE(camera.opened());
  ASSERT_TRUE(camera.sink().wait_for(1));
  EXPECT_TRUE(camera.wait_for_log("belong to no picture")) << camera.log_text();
  EXPECT_TRUE(camera.wait_for_log("damaged pictures")) << camera.log_text();
  EXPECT_TRUE(camera.finish());
  EXPECT_EQ(camera.sink().dropped(), 1u);
}

TEST(ExecCamera, NoPasswordGetsIntoTheLog) {
  Running camera("sh -c 'echo cannot open rtsp://me:hunter2@host/1 >&2; exit 1'");
  ASSERT_FALSE(camera.opened());
  EXPECT_THAT(camera.opened().error().message, HasSubstr("rtsp://***@host/1"));
  EXPECT_THAT(camera.log_text(), Not(HasSubstr("hunter2")));
}

bool is_alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  const size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text[name_end + 2] != 'Z';
}
bool dies_in_time(pid_t pid) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (is_alive(pid)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}
// The process number that the program's own child wrote on standard output.
pid_t read_number(const ChildProcess& process) {
  std::string text;
  while (text.find('\n') == std::string::npos) {
    char c;
    if (::read(process.output_fd(), &c, 1) == 1) text += c;
  }
  return std::atoi(text.c_str());
}
// Both ignore SIGTERM: only SIGKILL ends them.
const std::vector<std::string> stubborn{"sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait; wait; sleep 1000"};

TEST(ChildProcess, TheWholeGroupEndsEvenWhereItIgnoresTheSignal) {
  auto process = ChildProcess::start(stubborn);
  ASSERT_TRUE(process);
  const pid_t grandchild = read_number(*process);
  EXPECT_TRUE(is_alive(grandchild));
  EXPECT_EQ(process->end(), "was killed by signal 9 (Killed)");
  EXPECT_TRUE(dies_in_time(grandchild));
}

TEST(ChildProcess, TheGroupEndsWhenItsOwnerIsKilled) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    auto process = ChildProcess::start(stubborn);
    const pid_t grandchild = read_number(*process);
    [[maybe_unused]] const ssize_t put = ::write(fds[1], &grandchild, sizeof grandchild);
    for (;;) ::pause();
  }
  pid_t grandchild = 0;
  ASSERT_EQ(::read(fds[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  EXPECT_TRUE(is_alive(grandchild));
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(dies_in_time(grandchild));
  ::close(fds[0]);
  ::close(fds[1]);
}

}  // namespace
}  // namespace camweave::exec
