#include "media/jpeg/splitter.h"

#include <gtest/gtest.h>

#include <string>

namespace camweave::jpeg {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string segment(uint8_t marker, const std::string& body) {
  const size_t length = body.size() + 2;
  return std::string("\xff") + static_cast<char>(marker) + static_cast<char>(length >> 8) + static_cast<char>(length) +
         body;
}

// A picture in form only: the splitter looks at nothing else.
std::string picture(const std::string& scan, const std::string& app = "JFIF") {
  return "\xff\xd8" + segment(0xe0, app) + segment(0xda, "scan 1") + scan + "\xff\xd9";
}

struct Outcome {
  std::vector<std::string> pictures;
  uint64_t skipped = 0, torn = 0;
};

Outcome split(const std::string& stream, size_t chunk, size_t max = 1 << 20) {
  Splitter splitter(max);
  Outcome outcome;
  for (size_t at = 0; at < stream.size(); at += chunk) {
    splitter.push(bytes_of(stream).subspan(at, std::min(chunk, stream.size() - at)),
                  [&](std::span<const std::byte> bytes) {
                    outcome.pictures.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                  });
  }
  outcome.skipped = splitter.skipped_bytes();
  outcome.torn = splitter.torn_pictures();
  return outcome;
}

TEST(JpegSplitter, FindsPicturesTornAtAnyPlaceWithGarbageBetween) {
  const std::string first = picture(std::string("a\xff\0b\xff\xd3", 6) + "c"), second = picture("second");
  const std::string stream = "noise" + first + "\r\n--frame\r\n" + second + std::string(7, '\0') + first;
  for (size_t chunk = 1; chunk <= stream.size(); ++chunk) {
    const Outcome outcome = split(stream, chunk);
    EXPECT_EQ(outcome.pictures, (std::vector{first, second, first})) << chunk;
    EXPECT_EQ(outcome.skipped, 5u + 11u + 7u) << chunk;
    EXPECT_EQ(outcome.torn, 0u) << chunk;
  }
}

TEST(JpegSplitter, AThumbnailInASegmentDoesNotEndThePicture) {
  const std::string with_thumbnail = picture("scan", "Exif" + picture("small") + "rest");
  for (size_t chunk : {1, 3, 1000}) EXPECT_EQ(split(with_thumbnail, chunk).pictures, std::vector{with_thumbnail});
}

TEST(JpegSplitter, SeveralScansAreOnePicture) {
  const std::string progressive =
      "\xff\xd8" + segment(0xda, "scan 1") + "one" + segment(0xc4, "table") + segment(0xda, "scan 2") + "two\xff\xd9";
  for (size_t chunk : {1, 2, 1000}) EXPECT_EQ(split(progressive, chunk).pictures, std::vector{progressive});
}

TEST(JpegSplitter, APictureThatBreaksOffIsCountedAndTheNextIsWhole) {
  const std::string whole = picture("scan");
  for (const size_t cut : {3, 6, 12, 20}) {
    const Outcome outcome = split(whole.substr(0, cut) + whole + whole, 5);
    ASSERT_FALSE(outcome.pictures.empty()) << cut;
    EXPECT_EQ(outcome.pictures.back(), whole) << cut;
    EXPECT_GE(outcome.torn, 1u) << cut;
  }
}

TEST(JpegSplitter, APictureOverTheBoundIsDropped) {
  const std::string whole = picture("scan"), huge = picture(std::string(5000, 'x'));
  for (size_t chunk : {100, 6000}) {
    const Outcome outcome = split(huge + whole, chunk, 1000);
    EXPECT_EQ(outcome.pictures, std::vector{whole});
    EXPECT_EQ(outcome.torn, 1u);
    EXPECT_EQ(outcome.skipped, huge.size());
  }
}

TEST(JpegSplitter, EveryByteIsInAPictureOrSkipped) {
  const std::string whole = picture("scan");
  const Outcome outcome = split("\xff\xd8\xff\xd8\xff" + whole + "x\xff", 4);
  size_t in_pictures = 0;
  for (const auto& one : outcome.pictures) in_pictures += one.size();
  EXPECT_EQ(in_pictures, whole.size());
  EXPECT_EQ(outcome.skipped, 5u);  // the last two may begin a picture
}

}  // namespace
}  // namespace camweave::jpeg
