#include "media/h264/frame_sei.h"

#include <gtest/gtest.h>

#include <vector>

#include "media/h264/nal.h"

namespace camweave {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(std::byte(value));
  return bytes;
}

class FrameSeiTest : public ::testing::TestWithParam<Codec> {};

TEST_P(FrameSeiTest, ComesBackAsItWasWritten) {
  for (const FrameSei& sei : {FrameSei{}, FrameSei{1'700'000'000'123'456, 4711, 12'500, 2'500}, FrameSei{0, 0x0001'0000'0000'0000, 0, 1}}) {
    std::vector<std::byte> unit(frame_sei_bytes(GetParam()));
    write_frame_sei(GetParam(), sei, unit);
    size_t units = 0;
    for_each_nal(unit, [&](NalUnit) { ++units; });
    EXPECT_EQ(units, 1u);
    EXPECT_EQ(find_frame_sei(GetParam(), unit), sei);
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, FrameSeiTest, ::testing::Values(Codec::h264, Codec::h265));

TEST(FrameSei, StandsBehindTheParameterSetsAndBeforeTheSlice) {
  const auto unit = bytes_of({0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 9, 9});
  EXPECT_EQ(frame_sei_place(Codec::h264, unit), 12u);
  EXPECT_EQ(frame_sei_place(Codec::h264, bytes_of({0, 0, 1, 0x41, 9})), 0u);
}

}  // namespace
}  // namespace camweave
