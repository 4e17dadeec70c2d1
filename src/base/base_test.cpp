#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "base/fake_clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Result, HoldsAValueOrAnError) {
  Result<std::unique_ptr<int>> good(std::make_unique<int>(7));
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*std::move(good).value(), 7);
  const Result<int> bad = Error{ErrorCode::busy, "in use"};
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "in use");
  EXPECT_TRUE(Result<void>());
  EXPECT_FALSE(Result<void>(Error{ErrorCode::io, "x"}));
}

TEST(SystemError, SaysTheSystemsWordsAndFindsTheCode) {
  const Error error = system_error("/dev/video9", ENOENT);
  EXPECT_EQ(error.message, "/dev/video9: No such file or directory");
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_EQ(system_error("x", EACCES).code, ErrorCode::permission_denied);
  EXPECT_EQ(system_error("x", EADDRINUSE).code, ErrorCode::busy);
}

TEST(UniqueFd, ClosesOnceWhateverTheMoves) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  UniqueFd read(fds[0]), write(fds[1]);
  UniqueFd moved(std::move(write));
  EXPECT_FALSE(write);
  moved = UniqueFd();
  char byte;
  EXPECT_EQ(::read(read.get(), &byte, 1), 0);  // the other end is closed
}

TEST(FakeClock, AWallClockStepIsNoStepOfTime) {
  FakeClock clock;
  const Timestamp before = clock.now();
  clock.advance(2s);
  clock.step_wall(UnixMicroseconds(1h));
  EXPECT_EQ(clock.now() - before, 2s);
  EXPECT_EQ(clock.wall_now() - clock.wall_at(before), UnixMicroseconds(2s));
}

TEST(Log, KeepsTheNewestLinesAndLeavesOutTheLesser) {
  const FakeClock clock;
  std::vector<std::string> written;
  Log log(clock, LogLevel::info, [&](const LogLine& line) { written.push_back(line.text); });
  log.debug("a", "not {}", "this");
  for (size_t i = 0; i < Log::kept_lines + 5; ++i) log.info("a", "{}", i);
  EXPECT_EQ(written.size(), Log::kept_lines + 5);
  ASSERT_EQ(log.recent().size(), Log::kept_lines);
  EXPECT_EQ(log.recent().front().text, "5");
}

TEST(Log, ARepeatedLineComesOnceAnIntervalWithTheCountOfTheRest) {
  FakeClock clock;
  Log log(clock, LogLevel::debug, nullptr);
  for (int i = 0; i < 4; ++i) log.limited(LogLevel::warning, "camera a", "torn", 10s);
  log.limited(LogLevel::warning, "camera b", "torn", 10s);
  clock.advance(11s);
  log.limited(LogLevel::warning, "camera a", "torn", 10s);
  std::vector<std::string> texts;
  for (const LogLine& line : log.recent()) texts.push_back(line.subject + ": " + line.text);
  EXPECT_THAT(texts,
              testing::ElementsAre("camera a: torn", "camera b: torn", "camera a: torn (3 more like this before)"));
}

TEST(Log, NobodyCanForgeALine) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const UniqueFd read(fds[0]), write(fds[1]);
  const LogLine line{UnixMicroseconds(1'700'000'000'123'456), LogLevel::error, "cam\"era", "a\nb\x1b[2J"};
  text_log_writer(write.get())(line);
  json_log_writer(write.get())(line);
  char text[1000];
  const std::string out(text, static_cast<size_t>(::read(read.get(), text, sizeof text)));
  EXPECT_EQ(std::ranges::count(out, '\n'), 2);
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
  EXPECT_THAT(out, HasSubstr("2023-11-14T22:13:20.123"));
  EXPECT_THAT(out, HasSubstr("cam\\\"era"));
}

TEST(Iso8601, IsUtcWithMicroseconds) {
  EXPECT_EQ(format_iso8601(UnixMicroseconds(1'700'000'000'123'456)), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(format_iso8601(UnixMicroseconds(5)), "1970-01-01T00:00:00.000005Z");
}

}  // namespace
}  // namespace camweave
