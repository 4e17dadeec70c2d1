// See exif_stamp.h. Layout: APP1 "Exif", a little-endian TIFF header, IFD0 with the Exif pointer, the Exif IFD with
// four entries, then their values.
#include "exif_stamp.h"

#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>

namespace bench {
namespace {

constexpr size_t kSoiBytes = 2;
constexpr size_t kExifIfdOffset = 26;  // from the TIFF header
constexpr size_t kDateOffset = 80;     // 26 + 2 + 4 * 12 + 4
constexpr size_t kDateBytes = 20;
constexpr size_t kSubsecondOffset = kDateOffset + kDateBytes;
constexpr size_t kSubsecondBytes = 7;
constexpr size_t kZoneOffset = kSubsecondOffset + kSubsecondBytes + 1;
constexpr size_t kZoneBytes = 7;
constexpr size_t kTiffBytes = kZoneOffset + kZoneBytes + 1;
constexpr size_t kNumberEntry = 2;

class Writer {
 public:
  explicit Writer(std::vector<std::byte>& out) : out_(out) {}
  void u8(unsigned v) { out_.push_back(static_cast<std::byte>(v)); }
  void u16(unsigned v) { u8(v & 0xFF), u8(v >> 8 & 0xFF); }
  void u32(size_t v) { u16(static_cast<unsigned>(v & 0xFFFF)), u16(static_cast<unsigned>(v >> 16 & 0xFFFF)); }
  void text(std::string_view s) {
    for (const char c : s) u8(static_cast<unsigned char>(c));
  }
  void zeros(size_t n) { out_.resize(out_.size() + n); }
  void entry(unsigned tag, unsigned type, size_t count, size_t value) { u16(tag), u16(type), u32(count), u32(value); }

 private:
  std::vector<std::byte>& out_;
};

void put_text(std::span<std::byte> image, size_t at, const char* text, size_t length) {
  std::memcpy(image.data() + at, text, length);
}

}  // namespace

StampableJpeg make_stampable(std::span<const std::byte> jpeg) {
  constexpr unsigned kAscii = 2, kLong = 4;
  StampableJpeg result;
  result.bytes.assign(jpeg.begin(), jpeg.begin() + kSoiBytes);
  Writer out(result.bytes);
  constexpr size_t kSegmentBytes = 2 + 6 + kTiffBytes;
  out.u8(0xFF), out.u8(0xE1), out.u8(kSegmentBytes >> 8), out.u8(kSegmentBytes & 0xFF);
  out.text("Exif"), out.zeros(2);
  const size_t tiff = result.bytes.size();
  out.text("II"), out.u16(42), out.u32(8);
  out.u16(1), out.entry(0x8769, kLong, 1, kExifIfdOffset), out.u32(0);
  out.u16(4);
  out.entry(0x9003, kAscii, kDateBytes, kDateOffset);            // DateTimeOriginal
  out.entry(0x9011, kAscii, kZoneBytes, kZoneOffset);            // OffsetTimeOriginal
  out.entry(0x9211, kLong, 1, 0);                                // ImageNumber
  out.entry(0x9291, kAscii, kSubsecondBytes, kSubsecondOffset);  // SubSecTimeOriginal
  out.u32(0);
  out.zeros(kTiffBytes - (result.bytes.size() - tiff));
  put_text(result.bytes, tiff + kZoneOffset, "+00:00", 6);
  result.date_offset = tiff + kDateOffset;
  result.subsecond_offset = tiff + kSubsecondOffset;
  result.number_offset = tiff + kExifIfdOffset + 2 + kNumberEntry * 12 + 8;
  result.bytes.insert(result.bytes.end(), jpeg.begin() + kSoiBytes, jpeg.end());
  return result;
}

void write_stamp(std::span<std::byte> image, const StampableJpeg& layout, int64_t unix_us, uint32_t number) {
  const std::time_t seconds = static_cast<std::time_t>(unix_us / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[kDateBytes + 1] = {};
  std::strftime(text, sizeof text, "%Y:%m:%d %H:%M:%S", &utc);
  put_text(image, layout.date_offset, text, kDateBytes - 1);
  char digits[16];
  std::snprintf(digits, sizeof digits, "%06d", static_cast<int>(unix_us % 1'000'000));
  put_text(image, layout.subsecond_offset, digits, kSubsecondBytes - 1);
  for (size_t i = 0; i < 4; ++i) image[layout.number_offset + i] = static_cast<std::byte>(number >> (8 * i) & 0xFF);
}

}  // namespace bench
