#include "capture/sequence_counter.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

TEST(SequenceCounter, GapsStayAndRestartsGoOn) {
  SequenceCounter counter(100);
  EXPECT_EQ(counter.number_of(0), 100U);
  EXPECT_EQ(counter.number_of(1), 101U);
  EXPECT_EQ(counter.number_of(5), 105U);
  EXPECT_EQ(counter.number_of(0), 106U);
  EXPECT_EQ(counter.number_of(2), 108U);
  SequenceCounter own(100);
  EXPECT_EQ(own.number_of(100), 100U) << "a driver that counts from first_sequence itself";
  EXPECT_EQ(own.number_of(102), 102U);
}

}  // namespace
}  // namespace camweave
