// Puts a fixed-layout EXIF segment into a JPEG once, and then the frame's number and capture time into it for every
// frame at known offsets (a few dozen bytes are written). The floor and the V4L2 shim stamp their frames this way, so
// that the load generator can read order and age from the picture itself, whoever carried it.
// Pure: no clock, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

// A JPEG with room for a stamp; offsets count from the first byte of `bytes`.
struct StampableJpeg {
  std::vector<std::byte> bytes;
  size_t date_offset = 0;
  size_t subsecond_offset = 0;
  size_t number_offset = 0;
};

// `jpeg` must begin with SOI; the segment goes right behind it.
StampableJpeg make_stampable(std::span<const std::byte> jpeg);

// Writes time (UTC) and number into `image`, a copy of `layout.bytes` or the original itself.
void write_stamp(std::span<std::byte> image, const StampableJpeg& layout, int64_t unix_us, uint32_t number);

}  // namespace bench
