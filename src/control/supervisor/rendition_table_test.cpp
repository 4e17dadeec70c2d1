#include "control/supervisor/rendition_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace camweave {
namespace {

const ipc::Mode raw_720p{PixelFormat::yuyv, {1280, 720}, 30'000};
const ipc::Mode jpeg_720p{PixelFormat::jpeg, {1280, 720}, 30'000};

Rendition jpeg(Size size = {}, int fps_milli = 0, int quality = 0) {
  return {.codec = Codec::jpeg, .size = size, .fps_milli = fps_milli, .quality = quality};
}

class RenditionTableTest : public testing::Test {
 protected:
  std::shared_ptr<Stream> open(const Rendition& rendition) {
    auto stream = try_open(rendition);
    EXPECT_TRUE(stream);
    return stream ? *stream : nullptr;
  }
  Result<std::shared_ptr<Stream>> try_open(const Rendition& rendition) {
    return table_.open(rendition, [](const Rendition& made) {
      Stream::Options options;
      options.rendition = made;
      return std::make_shared<Stream>(std::move(options));
    });
  }
  RenditionTable table_;
};

TEST(Normalised, NeverAboveTheCamera) {
  EXPECT_EQ(normalised(jpeg({1920, 1080}, 60'000, 70), raw_720p), jpeg({}, 0, 70));
  EXPECT_EQ(normalised(jpeg({1280, 720}, 30'000, 70), raw_720p), jpeg({}, 0, 70));
  EXPECT_EQ(normalised(jpeg({640, 360}, 15'000, 70), raw_720p), jpeg({640, 360}, 15'000, 70));
}

TEST(Normalised, QualityIsFilledInWhereItIsEncodedAnyway) {
  EXPECT_EQ(normalised(jpeg(), raw_720p), jpeg({}, 0, 80));
  EXPECT_EQ(normalised(jpeg(), jpeg_720p), jpeg()) << "the camera's own JPEG passes through";
  EXPECT_EQ(normalised(jpeg({640, 360}), jpeg_720p), jpeg({640, 360}, 0, 80));
}

TEST(Normalised, FieldsOfOtherCodecsDoNotMatter) {
  EXPECT_EQ(normalised({.codec = Codec::jpeg, .quality = 70, .bitrate_kbps = 8000}, raw_720p), jpeg({}, 0, 70));
  EXPECT_EQ(normalised({.codec = Codec::h264, .quality = 70, .bitrate_kbps = 8000}, raw_720p).quality, 0);
}

TEST_F(RenditionTableTest, EqualRequestsShareOneStream) {
  table_.set_mode(raw_720p);
  const auto a = open(jpeg());
  const auto b = open(jpeg({1280, 720}, 30'000, 80));
  EXPECT_EQ(a, b);
  EXPECT_EQ(table_.wanted().size(), 1u);
  const auto c = open(jpeg({640, 360}));
  EXPECT_NE(a, c);
  EXPECT_EQ(table_.wanted().size(), 2u);
}

TEST_F(RenditionTableTest, RequestsThatTurnOutEqualBecomeOneRendition) {
  const auto a = open(jpeg());
  const auto b = open(jpeg({1280, 720}));
  EXPECT_EQ(table_.wanted().size(), 2u);
  table_.set_mode(raw_720p);
  ASSERT_EQ(table_.wanted().size(), 1u);
  EXPECT_EQ(table_.wanted()[0].streams.size(), 2u) << "both get the packets";
}

TEST_F(RenditionTableTest, LetGoIsForgotten) {
  auto a = open(jpeg());
  EXPECT_EQ(table_.wanted().size(), 1u);
  a.reset();
  EXPECT_TRUE(table_.wanted().empty());
}

TEST_F(RenditionTableTest, IdsAreNeverReused) {
  auto a = open(jpeg({640, 360}));
  const uint32_t first = table_.wanted()[0].id;
  a.reset();
  a = open(jpeg({640, 360}));
  EXPECT_GT(table_.wanted()[0].id, first);
  EXPECT_EQ(table_.id_of(a->rendition()), table_.last_id());
}

TEST_F(RenditionTableTest, TheNinthDifferentOneIsRefusedWithTheReason) {
  std::vector<std::shared_ptr<Stream>> held;
  for (int quality = 1; quality <= 8; ++quality) held.push_back(open(jpeg({}, 0, quality)));
  auto ninth = try_open(jpeg({}, 0, 9));
  ASSERT_FALSE(ninth);
  EXPECT_EQ(ninth.error().code, ErrorCode::exhausted);
  EXPECT_THAT(ninth.error().message, testing::HasSubstr("8 different"));
  EXPECT_TRUE(try_open(jpeg({}, 0, 8))) << "one that is there already costs nothing";
  held.pop_back();
  EXPECT_TRUE(try_open(jpeg({}, 0, 9)));
}

TEST_F(RenditionTableTest, AChangedBitrateHoldsForLaterReadersToo) {
  const Rendition h264{.codec = Codec::h264};
  auto a = open(h264);
  const uint32_t id = table_.wanted()[0].id;
  ASSERT_TRUE(table_.set_bitrate(id, 900));
  ASSERT_EQ(table_.wanted().size(), 1u);
  EXPECT_EQ(table_.wanted()[0].id, id) << "the same rendition: no new stream";
  EXPECT_EQ(table_.as_made(table_.wanted()[0].rendition).bitrate_kbps, 900);
  EXPECT_EQ(table_.held().at(0).rendition.bitrate_kbps, 900);
  EXPECT_EQ(open(h264), a);
  a.reset();
  a = open(h264);
  EXPECT_EQ(table_.held().at(0).rendition.bitrate_kbps, 900);
  const auto other = open({.codec = Codec::h264, .bitrate_kbps = 3000});
  EXPECT_EQ(table_.held().at(1).rendition.bitrate_kbps, 3000) << "who asked for another has another";
}

TEST_F(RenditionTableTest, ABitrateIsRefusedForAJpegAndForNobodysRendition) {
  const auto a = open(jpeg());
  EXPECT_EQ(table_.set_bitrate(table_.wanted()[0].id, 900).error().code, ErrorCode::unsupported);
  EXPECT_EQ(table_.set_bitrate(99, 900).error().code, ErrorCode::not_found);
}

TEST_F(RenditionTableTest, AClosedOneIsNotGivenOutAgain) {
  const auto a = open(jpeg());
  table_.close(table_.wanted()[0].id, "no encoder");
  EXPECT_EQ(a->close_reason(), "no encoder");
  const auto b = open(jpeg());
  EXPECT_NE(a, b);
  EXPECT_FALSE(b->close_reason());
}

}  // namespace
}  // namespace camweave
