#include "capture/camera.h"

#include <gtest/gtest.h>

#include <future>

namespace camweave {
namespace {

using namespace std::chrono_literals;

TEST(StopSignal, WakesAWaiterAndStaysRaised) {
  auto stop = StopSignal::create();
  ASSERT_TRUE(stop.ok());
  EXPECT_FALSE(stop->raised());
  EXPECT_FALSE(stop->wait_until(std::chrono::steady_clock::now() + 5ms));
  auto waiter =
      std::async(std::launch::async, [&] { return stop->wait_until(std::chrono::steady_clock::now() + 60s); });
  stop->raise();
  EXPECT_TRUE(waiter.get());
  EXPECT_TRUE(stop->raised());
  EXPECT_TRUE(stop->wait_until(Timestamp{}));
}

}  // namespace
}  // namespace camweave
