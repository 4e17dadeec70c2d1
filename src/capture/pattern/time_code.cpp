#include "capture/pattern/time_code.h"

namespace camweave::pattern {
namespace {

constexpr uint16_t marker = 0xA5C3;

// CRC-16/CCITT-FALSE over the sequence and the time, big-endian.
uint16_t checksum(uint32_t sequence, uint64_t time_us) {
  uint16_t crc = 0xFFFF;
  const auto add = [&crc](uint8_t byte) {
    crc = static_cast<uint16_t>(crc ^ (byte << 8));
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1);
    }
  };
  for (int shift = 24; shift >= 0; shift -= 8) add(static_cast<uint8_t>(sequence >> shift));
  for (int shift = 56; shift >= 0; shift -= 8) add(static_cast<uint8_t>(time_us >> shift));
  return crc;
}

std::array<bool, code_columns> row_of(uint32_t word) {
  std::array<bool, code_columns> row{};
  for (size_t i = 0; i < row.size(); ++i) row[i] = (word >> (31 - i)) & 1;
  return row;
}

uint32_t word_of(const std::array<bool, code_columns>& row) {
  uint32_t word = 0;
  for (const bool bit : row) word = (word << 1) | (bit ? 1U : 0U);
  return word;
}

// The middle half of a block, both ways: its edges blur when the picture is scaled.
int mean_of_middle(const uint8_t* luma, int stride, const BlockRect& block) {
  const int x0 = block.x + block.width / 4, x1 = std::max(x0 + 1, block.x + block.width - block.width / 4);
  const int y0 = block.y + block.height / 4, y1 = std::max(y0 + 1, block.y + block.height - block.height / 4);
  int sum = 0;
  for (int y = y0; y < y1; ++y) {
    for (int x = x0; x < x1; ++x) sum += luma[static_cast<ptrdiff_t>(y) * stride + x];
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

}  // namespace

CodeBlocks encode_time_code(const TimeCode& code) {
  const auto time = static_cast<uint64_t>(code.capture_wall.count());
  const uint32_t last = (uint32_t{marker} << 16) | checksum(code.sequence, time);
  return {row_of(code.sequence), row_of(static_cast<uint32_t>(time >> 32)), row_of(static_cast<uint32_t>(time)),
          row_of(last)};
}

std::optional<TimeCode> decode_time_code(const CodeBlocks& blocks) {
  const uint32_t sequence = word_of(blocks[0]);
  const uint64_t time = (uint64_t{word_of(blocks[1])} << 32) | word_of(blocks[2]);
  if (word_of(blocks[3]) != ((uint32_t{marker} << 16) | checksum(sequence, time))) return std::nullopt;
  return TimeCode{sequence, UnixMicroseconds(static_cast<int64_t>(time))};
}

BlockRect code_block(Size picture, int column, int row) {
  const int x0 = picture.width * column / code_columns, x1 = picture.width * (column + 1) / code_columns;
  const int y0 = picture.height * row / code_height_parts, y1 = picture.height * (row + 1) / code_height_parts;
  return {x0, y0, x1 - x0, y1 - y0};
}

std::optional<TimeCode> read_time_code(const uint8_t* luma, int stride, Size size) {
  if (size.width < code_columns || size.height < code_height_parts) return std::nullopt;
  CodeBlocks blocks{};
  for (int row = 0; row < code_rows; ++row) {
    for (int column = 0; column < code_columns; ++column) {
      blocks[static_cast<size_t>(row)][static_cast<size_t>(column)] =
          mean_of_middle(luma, stride, code_block(size, column, row)) >= 128;
    }
  }
  return decode_time_code(blocks);
}

}  // namespace camweave::pattern
