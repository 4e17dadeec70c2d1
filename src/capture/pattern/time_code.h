// TimeCode: a frame's number and time as black and white blocks in the picture, for machines (layout in README.md).
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.h"
#include "media/video_format.h"

namespace camweave::pattern {

struct TimeCode {
  uint32_t sequence = 0;  // the low 32 bits
  UnixMicroseconds capture_wall{};
  bool operator==(const TimeCode&) const = default;
};

inline constexpr int code_columns = 32;
inline constexpr int code_rows = 4;
inline constexpr int code_height_parts = 30;  // a row of blocks is this part of the picture's height
inline constexpr Size least_code_size{128, 96};

// Row by row, left to right, first bit first. true: white.
using CodeBlocks = std::array<std::array<bool, code_columns>, code_rows>;
CodeBlocks encode_time_code(const TimeCode& code);
// Nothing where marker or checksum are wrong.
std::optional<TimeCode> decode_time_code(const CodeBlocks& blocks);

// Where a block lies in a picture of this size.
struct BlockRect {
  int x = 0, y = 0, width = 0, height = 0;
};
BlockRect code_block(Size picture, int column, int row);

// Reads the blocks out of a picture's luma, at any scale.
std::optional<TimeCode> read_time_code(const uint8_t* luma, int stride, Size size);

}  // namespace camweave::pattern
