// What the generator reads from a JPEG: the EXIF number and time in its first bytes, and whether all of it holds
// together. Pure: bytes in, facts out; nothing is decoded here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bench {

struct ExifFacts {
  std::optional<uint32_t> number;  // ImageNumber
  std::optional<int64_t> unix_us;  // DateTimeOriginal + SubSecTimeOriginal, by OffsetTimeOriginal (none: UTC)
};

// `head` may be cut anywhere: what lies behind the cut is just not found.
ExifFacts read_exif(std::span<const std::byte> head);

struct JpegShape {
  const char* fault = nullptr;  // nullptr: whole
  size_t scan_offset = 0;       // of the first SOS marker
};

// Walks every marker from SOI to EOI. Anything but zero bytes behind EOI is a fault.
JpegShape check_jpeg(std::span<const std::byte> jpeg);

// A fast 64-bit hash; equal pictures have equal hashes.
uint64_t hash_bytes(std::span<const std::byte> bytes);

}  // namespace bench
