// A JPEG's header segments (ITU-T T.81 annex B), as far as its scan. Pure; fuzzed; never reads past the bytes given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "media/video_format.h"

namespace camweave::jpeg {

struct Component {
  uint8_t id = 0;
  uint8_t horizontal = 1, vertical = 1;  // sampling factors, 1 to 4
  uint8_t quantization_table = 0;
};

struct Header {
  Size size{};
  int component_count = 0;         // 1 grey, 3 colour
  Component components[4]{};
  bool is_progressive = false;
  bool has_exif = false;
  bool has_huffman_tables = false;
  uint16_t restart_interval = 0;   // in MCUs; 0: none
  size_t sos_offset = 0;           // of the FF of the first scan's marker
  size_t scan_offset = 0;          // of the first entropy-coded byte
};

// Needs the bytes up to and with the first scan's header; what follows is not looked at. `protocol` errors name the offset.
Result<Header> scan_header(std::span<const std::byte> jpeg);

// Whether an Exif APP1 segment is there. False also for what is no JPEG.
bool has_exif(std::span<const std::byte> jpeg);

}  // namespace camweave::jpeg
