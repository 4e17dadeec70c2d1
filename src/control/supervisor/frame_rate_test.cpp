#include "control/supervisor/frame_rate.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {
using namespace std::chrono_literals;

const Timestamp start = from_nanoseconds(1'000'000'000'000);

TEST(FrameRate, UnknownUntilTwoSamples) {
  FrameRate rate;
  EXPECT_EQ(rate.per_second(start), 0);
  rate.add(start, 1);
  EXPECT_EQ(rate.per_second(start), 0);
}

TEST(FrameRate, FollowsTheLastSeconds) {
  FrameRate rate;
  for (int s = 0; s <= 10; ++s) rate.add(start + s * 1s, static_cast<uint64_t>(s) * 30);
  EXPECT_DOUBLE_EQ(rate.per_second(start + 10s), 30);
  for (int s = 11; s <= 16; ++s) rate.add(start + s * 1s, 300 + static_cast<uint64_t>(s - 10) * 5);
  EXPECT_DOUBLE_EQ(rate.per_second(start + 16s), 5);
}

TEST(FrameRate, StoppedIsZero) {
  FrameRate rate;
  rate.add(start, 0);
  rate.add(start + 1s, 30);
  EXPECT_DOUBLE_EQ(rate.per_second(start + 2s), 30);
  EXPECT_EQ(rate.per_second(start + 5s), 0);
}

TEST(FrameRate, SlowCamerasHaveARateToo) {
  FrameRate rate;
  rate.add(start, 0);
  rate.add(start + 5s, 1);
  EXPECT_DOUBLE_EQ(rate.per_second(start + 6s), 0.2);
}

TEST(FrameRate, ARestartOfTheCountIsNoNegativeRate) {
  FrameRate rate;
  rate.add(start, 1000);
  rate.add(start + 1s, 10);
  EXPECT_EQ(rate.per_second(start + 1s), 0);
}

}  // namespace
}  // namespace camweave
