#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include "media/jpeg/exif.h"
#include "media/jpeg/header.h"
#include "media/jpeg/huffman.h"

namespace camweave::jpeg {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::byte> picture(int width = 64, int height = 48) {
  std::vector<unsigned char> rgb(static_cast<size_t>(width * height * 3), 120);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  tjhandle handle = tjInitCompress();
  tjCompress2(handle, rgb.data(), width, 0, height, TJPF_RGB, &out, &size, TJSAMP_420, 80, 0);
  const auto bytes = std::as_bytes(std::span(out, size));
  std::vector<std::byte> jpeg(bytes.begin(), bytes.end());
  tjFree(out);
  tjDestroy(handle);
  return jpeg;
}

bool decodes(std::span<const std::byte> jpeg) {
  tjhandle handle = tjInitDecompress();
  std::vector<unsigned char> out(1 << 20);
  const int result = tjDecompress2(handle, reinterpret_cast<const unsigned char*>(jpeg.data()), jpeg.size(), out.data(), 0, 0, 0,
                                   TJPF_RGB, TJFLAG_STOPONWARNING);
  tjDestroy(handle);
  return result == 0;
}

std::vector<std::byte> without_segment(std::vector<std::byte> jpeg, uint8_t marker) {
  for (size_t at = 2; jpeg[at + 1] != std::byte{0xda};) {
    const size_t length = 2 + (std::to_integer<size_t>(jpeg[at + 2]) << 8 | std::to_integer<size_t>(jpeg[at + 3]));
    if (jpeg[at + 1] == std::byte{marker}) {
      jpeg.erase(jpeg.begin() + static_cast<std::ptrdiff_t>(at), jpeg.begin() + static_cast<std::ptrdiff_t>(at + length));
    } else {
      at += length;
    }
  }
  return jpeg;
}

std::vector<std::byte> with_app1(std::vector<std::byte> jpeg, std::span<const std::byte> app1) {
  jpeg.insert(jpeg.begin() + 2, app1.begin(), app1.end());
  return jpeg;
}

std::string exiftool(std::span<const std::byte> jpeg) {
  const std::string path = testing::TempDir() + "exif.jpg";
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(jpeg.data()), static_cast<std::streamsize>(jpeg.size()));
  std::string out;
  FILE* pipe = ::popen(("exiftool -a -G1 -s -Warning -Error -EXIF:all " + path).c_str(), "r");
  for (char line[256]; std::fgets(line, sizeof line, pipe);) out += line;
  ::pclose(pipe);
  return out;
}

TEST(JpegHeader, ReadsSizeSamplingAndWhereTheScanIs) {
  const auto jpeg = picture();
  const auto header = scan_header(jpeg);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size, (Size{64, 48}));
  EXPECT_EQ(header->component_count, 3);
  EXPECT_EQ(header->components[0].horizontal, 2);
  EXPECT_TRUE(header->has_huffman_tables);
  EXPECT_FALSE(header->has_exif);
  EXPECT_EQ(jpeg[header->sos_offset + 1], std::byte{0xda});
}

TEST(JpegHeader, RefusesEveryTornHeader) {
  const auto jpeg = picture();
  const size_t scan = scan_header(jpeg)->scan_offset;
  for (size_t size = 0; size < scan; ++size) EXPECT_FALSE(scan_header(std::span(jpeg).first(size))) << size;
}

TEST(JpegHuffman, APictureWithoutTablesDecodesWithTheStandardOnes) {
  // libjpeg-turbo itself decodes without them; the header scan must see them come and go.
  const auto bare = without_segment(picture(), 0xc4);
  const auto header = scan_header(bare);
  ASSERT_TRUE(header);
  EXPECT_FALSE(header->has_huffman_tables);
  const auto mended = with_huffman_tables(bare, *header);
  EXPECT_TRUE(scan_header(mended)->has_huffman_tables);
  EXPECT_TRUE(decodes(mended));
}

TEST(JpegExif, ExiftoolReadsEveryField) {
  ExifWriter writer("Maker", "Model X", "SN-7");
  ExifFields fields;
  fields.capture_wall = UnixMicroseconds(1'700'000'000'123'456);  // 2023-11-14 22:13:20 UTC
  fields.utc_offset = std::chrono::minutes(-90);
  fields.sequence = 4711;
  fields.metadata = {.exposure_us = 12'500, .gain = 2.5f};
  const auto jpeg = with_app1(picture(), writer.app1(fields));
  EXPECT_TRUE(has_exif(jpeg));
  EXPECT_TRUE(decodes(jpeg));
  const std::string text = exiftool(jpeg);
  for (const char* line : {"Make                            : Maker", "Model                           : Model X",
                           "DateTimeOriginal                : 2023:11:14 20:43:20", "SubSecTimeOriginal              : 123456",
                           "OffsetTimeOriginal              : -01:30", "ExposureTime                    : 1/80",
                           "ISO                             : 250", "ImageNumber                     : 4711",
                           "SerialNumber                    : SN-7"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("Warning")));
}

TEST(JpegExif, UnknownFieldsAreNotThere) {
  ExifWriter writer("", "", "");
  const std::string text = exiftool(with_app1(picture(), writer.app1({.capture_wall = UnixMicroseconds(1)})));
  for (const char* name : {"Make", "ExposureTime", "ISO", "SerialNumber", "Warning"}) EXPECT_THAT(text, Not(HasSubstr(name)));
  EXPECT_THAT(text, HasSubstr("ImageNumber"));
}

TEST(JpegExif, EachFrameIsPatchedAndTheLengthStays) {
  ExifWriter writer("M", "N", "S");
  const size_t size = writer.app1({.capture_wall = UnixMicroseconds(1'000'000)}).size();
  const auto second = writer.app1({.capture_wall = UnixMicroseconds(2'500'000), .sequence = 2, .metadata = {.exposure_us = 5}});
  EXPECT_EQ(second.size(), size);
  EXPECT_THAT(exiftool(with_app1(picture(), second)), HasSubstr("1970:01:01 00:00:02"));
}

}  // namespace
}  // namespace camweave::jpeg
