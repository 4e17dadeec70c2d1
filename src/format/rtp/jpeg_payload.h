// What RFC 2435 carries of a JPEG: its quantization tables, its scan, and a type that stands for the rest. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "media/video_format.h"

namespace camweave::rtp {

struct JpegParts {
  uint8_t type = 0;  // 0: 4:2:2, 1: 4:2:0; + 64 with restart markers
  Size size{};
  uint16_t restart_interval = 0;
  std::vector<std::byte> quantization_tables;  // luma, then chroma; 64 bytes each, zigzag
  std::span<const std::byte> scan;             // entropy-coded, without EOI
};

// `unsupported` names what RFC 2435 can't carry; then the picture has to be encoded again.
Result<JpegParts> take_jpeg_apart(std::span<const std::byte> jpeg);

}  // namespace camweave::rtp
