#include "base/retry_policy.h"

#include <gtest/gtest.h>

#include <vector>

namespace camweave {
namespace {
using namespace std::chrono_literals;

const Timestamp start = from_nanoseconds(1'000'000'000'000);

TEST(RetryPolicy, DoublesFromHalfASecondToThirty) {
  RetryPolicy policy([] { return 0.0; });
  std::vector<double> delays;
  for (int i = 0; i < 9; ++i) delays.push_back(std::chrono::duration<double>(policy.failed(start)).count());
  EXPECT_EQ(delays, (std::vector<double>{0.5, 1, 2, 4, 8, 16, 30, 30, 30}));
}

TEST(RetryPolicy, NeverOverflows) {
  RetryPolicy policy([] { return 1.0; });
  for (int i = 0; i < 10'000; ++i) {
    const auto delay = policy.failed(start);
    ASSERT_GE(delay, 400ms);
    ASSERT_LE(delay, 30s);
  }
}

TEST(RetryPolicy, ChanceShortensByAFifthAtMost) {
  RetryPolicy policy([] { return 1.0; });
  EXPECT_EQ(policy.failed(start), 400ms);
  EXPECT_EQ(policy.failed(start), 800ms);
}

TEST(RetryPolicy, AHealthyCameraIsBackAtOnceThenBacksOff) {
  RetryPolicy policy([] { return 1.0; });
  policy.pictures_began(start);
  EXPECT_LE(policy.failed(start + 5s), 100ms);
  // Crashes again and again after a few pictures: no second blink.
  policy.pictures_began(start + 6s);
  EXPECT_EQ(policy.failed(start + 7s), 400ms);
  policy.pictures_began(start + 8s);
  EXPECT_EQ(policy.failed(start + 9s), 800ms);
}

TEST(RetryPolicy, AMinuteOfHealthForgets) {
  RetryPolicy policy([] { return 0.0; });
  for (int i = 0; i < 10; ++i) (void)policy.failed(start);
  policy.pictures_began(start);
  EXPECT_EQ(policy.failed(start + 59s), 30s);
  policy.pictures_began(start + 100s);
  policy.pictures_began(start + 150s);  // still the same health
  EXPECT_LE(policy.failed(start + 160s), 100ms);
  EXPECT_EQ(policy.failed(start + 161s), 500ms);
}

TEST(RetryPolicy, AChangedConfigurationBeginsAnew) {
  RetryPolicy policy([] { return 0.0; });
  for (int i = 0; i < 10; ++i) (void)policy.failed(start);
  policy.forget();
  EXPECT_EQ(policy.failed(start), 500ms);
}

}  // namespace
}  // namespace camweave
