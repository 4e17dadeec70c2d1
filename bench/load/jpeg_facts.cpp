// See jpeg_facts.h.
#include "jpeg_facts.h"

#include <cstring>
#include <ctime>

namespace bench {
namespace {

unsigned byte_at(std::span<const std::byte> bytes, size_t at) { return std::to_integer<unsigned>(bytes[at]); }

// A TIFF structure that may be cut short: every read is checked.
class Tiff {
 public:
  explicit Tiff(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool begin() {
    if (bytes_.size() < 8) return false;
    little_ = byte_at(bytes_, 0) == 'I';
    return u16(2) == 42U;
  }
  std::optional<uint32_t> u16(size_t at) const { return read(at, 2); }
  std::optional<uint32_t> u32(size_t at) const { return read(at, 4); }

  // The offset of `tag`'s 12-byte entry in the directory at `ifd`.
  std::optional<size_t> find(size_t ifd, uint32_t tag) const {
    const auto count = u16(ifd);
    for (size_t i = 0; count && i < *count; ++i) {
      const size_t entry = ifd + 2 + i * 12;
      if (u16(entry) == tag) return entry;
    }
    return std::nullopt;
  }

  std::string_view text(size_t ifd, uint32_t tag) const {
    const auto entry = find(ifd, tag);
    if (!entry) return {};
    const auto count = u32(*entry + 4);
    const auto offset = count && *count > 4 ? u32(*entry + 8) : static_cast<uint32_t>(*entry + 8);
    if (!count || !offset || *count == 0 || *offset > bytes_.size() || bytes_.size() - *offset < *count) return {};
    std::string_view value(reinterpret_cast<const char*>(bytes_.data()) + *offset, *count);
    return value.substr(0, value.find('\0'));
  }

 private:
  std::optional<uint32_t> read(size_t at, size_t count) const {
    if (at > bytes_.size() || bytes_.size() - at < count) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | byte_at(bytes_, little_ ? at + count - 1 - i : at + i);
    return value;
  }

  std::span<const std::byte> bytes_;
  bool little_ = true;
};

// Decimal digits of text[at, at + count); nothing when one is none.
std::optional<int> digits(std::string_view text, size_t at, size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<int64_t> unix_seconds(std::string_view date) {
  const auto year = digits(date, 0, 4), month = digits(date, 5, 2), day = digits(date, 8, 2);
  const auto hour = digits(date, 11, 2), minute = digits(date, 14, 2), second = digits(date, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  std::tm utc{};
  utc.tm_year = *year - 1900, utc.tm_mon = *month - 1, utc.tm_mday = *day;
  utc.tm_hour = *hour, utc.tm_min = *minute, utc.tm_sec = *second;
  return timegm(&utc);
}

int64_t offset_seconds(std::string_view zone) {
  const auto hours = digits(zone, 1, 2), minutes = digits(zone, 4, 2);
  if (!hours || !minutes) return 0;
  const int64_t seconds = *hours * 3600 + *minutes * 60;
  return zone.front() == '-' ? -seconds : seconds;
}

int64_t fraction_us(std::string_view subsecond) {
  int64_t value = 0;
  for (size_t i = 0; i < 6; ++i) value = value * 10 + digits(subsecond, i, 1).value_or(0);
  return value;
}

ExifFacts read_tiff(std::span<const std::byte> bytes) {
  constexpr uint32_t kExifIfd = 0x8769, kDate = 0x9003, kSubsecond = 0x9291, kZone = 0x9011, kNumber = 0x9211;
  ExifFacts facts;
  Tiff tiff(bytes);
  if (!tiff.begin()) return facts;
  const auto pointer = tiff.u32(4) ? tiff.find(*tiff.u32(4), kExifIfd) : std::nullopt;
  const auto ifd = pointer ? tiff.u32(*pointer + 8) : std::nullopt;
  if (!ifd) return facts;
  if (const auto entry = tiff.find(*ifd, kNumber)) facts.number = tiff.u32(*entry + 8);
  if (const auto seconds = unix_seconds(tiff.text(*ifd, kDate))) {
    const int64_t utc = *seconds - offset_seconds(tiff.text(*ifd, kZone));
    facts.unix_us = utc * 1'000'000 + fraction_us(tiff.text(*ifd, kSubsecond));
  }
  return facts;
}

// The offset of the next marker in entropy-coded data from `at`, or the end.
size_t skip_scan(std::span<const std::byte> jpeg, size_t at) {
  while (at < jpeg.size()) {
    const void* found = std::memchr(jpeg.data() + at, 0xFF, jpeg.size() - at);
    if (found == nullptr) return jpeg.size();
    at = static_cast<size_t>(static_cast<const std::byte*>(found) - jpeg.data());
    if (at + 1 >= jpeg.size()) return jpeg.size();
    const unsigned code = byte_at(jpeg, at + 1);
    const bool stuffed_or_restart = code == 0 || (code >= 0xD0 && code <= 0xD7);
    if (!stuffed_or_restart && code != 0xFF) return at;
    at += code == 0xFF ? 1 : 2;
  }
  return at;
}

}  // namespace

ExifFacts read_exif(std::span<const std::byte> head) {
  size_t at = 2;
  while (at + 10 <= head.size() && byte_at(head, at) == 0xFF) {
    const unsigned marker = byte_at(head, at + 1);
    const size_t length = byte_at(head, at + 2) << 8 | byte_at(head, at + 3);
    if (marker == 0xE1 && std::memcmp(head.data() + at + 4, "Exif\0\0", 6) == 0) {
      const size_t end = std::min(head.size(), at + 2 + length);
      return end > at + 10 ? read_tiff(head.subspan(at + 10, end - at - 10)) : ExifFacts{};
    }
    if (marker == 0xDA || length < 2) break;
    at += 2 + length;
  }
  return {};
}

JpegShape check_jpeg(std::span<const std::byte> jpeg) {
  JpegShape shape;
  if (jpeg.size() < 4 || byte_at(jpeg, 0) != 0xFF || byte_at(jpeg, 1) != 0xD8) return {"no SOI", 0};
  size_t at = 2;
  while (true) {
    if (at + 2 > jpeg.size()) return {"no EOI", shape.scan_offset};
    if (byte_at(jpeg, at) != 0xFF) return {"no marker where one must be", shape.scan_offset};
    const unsigned marker = byte_at(jpeg, at + 1);
    if (marker == 0xD9) break;
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    if (at + 4 > jpeg.size()) return {"cut inside a segment", shape.scan_offset};
    const size_t length = byte_at(jpeg, at + 2) << 8 | byte_at(jpeg, at + 3);
    if (length < 2 || at + 2 + length > jpeg.size()) return {"cut inside a segment", shape.scan_offset};
    const bool scan = marker == 0xDA;
    if (scan && shape.scan_offset == 0) shape.scan_offset = at;
    at += 2 + length;
    if (scan) at = skip_scan(jpeg, at);
  }
  if (shape.scan_offset == 0) return {"no scan", 0};
  for (size_t i = at + 2; i < jpeg.size(); ++i) {
    if (jpeg[i] != std::byte{0}) return {"bytes behind EOI", shape.scan_offset};
  }
  return shape;
}

uint64_t hash_bytes(std::span<const std::byte> bytes) {
  uint64_t hash = 0x9E3779B97F4A7C15ULL ^ bytes.size();
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL;
    hash ^= hash >> 32;
  }
  for (; at < bytes.size(); ++at) hash = (hash ^ byte_at(bytes, at)) * 0x100000001B3ULL;
  return hash;
}

}  // namespace bench
