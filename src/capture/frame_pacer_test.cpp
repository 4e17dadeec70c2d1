// Slower streams of a camera: the right rate, no unevenness beyond what the ratio makes necessary.
#include "capture/frame_pacer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace camweave {
namespace {

struct Source {
  double fps = 30;
  double jitter_ms = 0;
  int nominal_fps_milli = 30'000;
};

// The numbers of the source frames that were taken.
std::vector<int> taken_of(const Source& source, int wanted_fps_milli, int frames) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> jitter(-source.jitter_ms, source.jitter_ms);
  FramePacer pacer(wanted_fps_milli);
  std::vector<int> taken;
  for (int i = 0; i < frames; ++i) {
    const auto time = static_cast<int64_t>((i / source.fps * 1e3 + jitter(random)) * 1e6);
    if (pacer.take(from_nanoseconds(1'000'000'000 + time), source.nominal_fps_milli)) taken.push_back(i);
  }
  return taken;
}

void expect_even(const std::vector<int>& taken, double ratio, const std::string& what) {
  for (size_t i = 1; i < taken.size(); ++i) {
    const int step = taken[i] - taken[i - 1];
    EXPECT_GE(step, static_cast<int>(std::floor(ratio + 1e-9))) << what << " frame " << taken[i];
    EXPECT_LE(step, static_cast<int>(std::ceil(ratio - 1e-9))) << what << " frame " << taken[i];
  }
}

TEST(FramePacer, RatesThatDivideAreQuiteEvenInSpiteOfJitter) {
  for (const int wanted : {15'000, 10'000, 7'500, 6'000, 5'000, 3'000, 2'000, 1'000}) {
    const double ratio = 30'000.0 / wanted;
    const auto taken = taken_of({.jitter_ms = 4}, wanted, 3000);
    for (size_t i = 1; i < taken.size(); ++i) EXPECT_EQ(taken[i] - taken[i - 1], std::lround(ratio)) << wanted;
    EXPECT_NEAR(static_cast<double>(taken.size()), 3000 / ratio, 1);
  }
}

TEST(FramePacer, OtherRatesDifferByOneFrameAtMost) {
  for (const double fps : {30.0, 29.97, 25.0, 60.0, 50.0}) {
    for (const int wanted : {29'000, 25'000, 24'000, 20'000, 17'300, 12'500, 11'000, 7'000, 900}) {
      const double ratio = fps * 1000 / wanted;
      if (ratio < 1) continue;
      const Source source{fps, 0, static_cast<int>(fps * 1000)};
      const auto taken = taken_of(source, wanted, 6000);
      expect_even(taken, ratio, std::to_string(fps) + " to " + std::to_string(wanted));
      EXPECT_NEAR(static_cast<double>(taken.size()), 6000 / ratio, 2) << fps << " to " << wanted;
    }
  }
}

TEST(FramePacer, NeverAboveTheSourceAndEveryFrameAtItsOwnRate) {
  for (const int wanted : {0, 30'000, 31'000, 60'000, 1'000'000}) {
    EXPECT_EQ(taken_of({.jitter_ms = 6}, wanted, 500).size(), 500U) << wanted;
  }
  // A camera that is slower than it says.
  EXPECT_EQ(taken_of({.fps = 12}, 20'000, 500).size(), 500U);
}

TEST(FramePacer, AnUnknownSourceRateIsMeasured) {
  const auto taken = taken_of({.nominal_fps_milli = 0}, 15'000, 600);
  EXPECT_NEAR(static_cast<double>(taken.size()), 300, 3);
}

TEST(FramePacer, APauseIsFollowedByTheUsualRateAndNoBurst) {
  FramePacer pacer(10'000);
  int64_t ms = 1'000;
  const auto run = [&](int frames) {
    int taken = 0;
    for (int i = 0; i < frames; ++i, ms += 33) taken += pacer.take(from_nanoseconds(ms * 1'000'000), 30'000);
    return taken;
  };
  EXPECT_NEAR(run(300), 100, 2);
  ms += 60'000;
  EXPECT_NEAR(run(30), 10, 1);
}

}  // namespace
}  // namespace camweave
