#include "control/supervisor/keyframe_pacer.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {
using namespace std::chrono_literals;
using Ids = std::vector<uint32_t>;

const Timestamp start = from_nanoseconds(1'000'000'000'000);

TEST(KeyframePacer, TheFirstRequestGoesOutAtOnce) {
  KeyframePacer pacer;
  EXPECT_EQ(pacer.next_due(), Timestamp::max());
  pacer.request(7);
  EXPECT_LE(pacer.next_due(), start);
  EXPECT_EQ(pacer.take_due(start), Ids{7});
  EXPECT_EQ(pacer.take_due(start), Ids{});
}

TEST(KeyframePacer, ACrowdIsOneRequestEveryHalfSecond) {
  KeyframePacer pacer;
  size_t sent = 0;
  for (int ms = 0; ms < 2000; ++ms) {
    pacer.request(1);
    sent += pacer.take_due(start + ms * 1ms).size();
  }
  EXPECT_EQ(sent, 4u);
}

TEST(KeyframePacer, AnEarlyRequestIsKeptNotLost) {
  KeyframePacer pacer;
  pacer.request(1);
  (void)pacer.take_due(start);
  pacer.request(1);
  EXPECT_EQ(pacer.take_due(start + 100ms), Ids{});
  EXPECT_EQ(pacer.next_due(), start + 500ms);
  EXPECT_EQ(pacer.take_due(start + 500ms), Ids{1});
}

TEST(KeyframePacer, RenditionsDoNotWaitForEachOther) {
  KeyframePacer pacer;
  pacer.request(1);
  (void)pacer.take_due(start);
  pacer.request(2);
  EXPECT_EQ(pacer.take_due(start + 1ms), Ids{2});
}

}  // namespace
}  // namespace camweave
