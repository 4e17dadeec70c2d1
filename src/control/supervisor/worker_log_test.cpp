#include "control/supervisor/worker_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fake_clock.h"

namespace camweave {
namespace {
using namespace std::chrono_literals;
using testing::ElementsAre;

class WorkerLogTest : public testing::Test {
 protected:
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const LogLine& line : log_.recent()) out.push_back(std::string(to_string(line.level)) + " " + line.text);
    return out;
  }
  FakeClock clock_;
  Log log_{clock_, LogLevel::debug, {}};
  WorkerLog worker_{clock_, log_, "front"};
};

TEST_F(WorkerLogTest, PiecesBecomeLinesUnderTheCamera) {
  worker_.add("first ha");
  worker_.add("lf\nwarning second\r\n\nlast without end");
  worker_.end();
  EXPECT_THAT(lines(), ElementsAre("info first half", "warning second", "info last without end"));
  EXPECT_EQ(log_.recent()[0].subject, "camera front");
}

TEST_F(WorkerLogTest, SecretsAreLeftOut) {
  worker_.add("can't open rtsp://user:hunter2@10.0.0.1/stream\n");
  EXPECT_EQ(lines().at(0).find("hunter2"), std::string::npos);
}

TEST_F(WorkerLogTest, ALineWithoutEndIsCut) {
  for (int i = 0; i < 1000; ++i) worker_.add(std::string(1000, 'x'));
  worker_.add("\nnext\n");
  ASSERT_EQ(lines().size(), 2u);
  EXPECT_LT(lines()[0].size(), WorkerLog::max_line_bytes + 20);
  EXPECT_EQ(lines()[1], "info next");
}

TEST_F(WorkerLogTest, AFloodIsBoundedAndCounted) {
  for (int i = 0; i < 10'000; ++i) worker_.add("flood\n");
  EXPECT_EQ(lines().size(), 100u);
  clock_.advance(1s);
  worker_.add("calm\n");
  EXPECT_EQ(lines().size(), 102u);
  EXPECT_EQ(lines()[100], "warning 9900 more lines of the worker left out");
}

}  // namespace
}  // namespace camweave
