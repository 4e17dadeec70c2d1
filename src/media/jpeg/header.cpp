#include "media/jpeg/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace camweave::jpeg {
namespace {

enum Marker : uint8_t {
  sof0 = 0xc0, sof2 = 0xc2, dht = 0xc4, rst0 = 0xd0, rst7 = 0xd7, soi = 0xd8, eoi = 0xd9, sos = 0xda, dri = 0xdd, app1 = 0xe1,
};

uint8_t byte_at(std::span<const std::byte> bytes, size_t at) { return std::to_integer<uint8_t>(bytes[at]); }
uint16_t word_at(std::span<const std::byte> bytes, size_t at) {
  return static_cast<uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

Error broken(size_t offset, const char* what) {
  return Error{ErrorCode::protocol, fmt::format("JPEG: {} at byte {}", what, offset)};
}

bool is_frame_marker(uint8_t marker) { return marker >= 0xc0 && marker <= 0xcf && marker != dht && marker != 0xc8 && marker != 0xcc; }

Result<void> read_frame(std::span<const std::byte> body, size_t offset, uint8_t marker, Header& header) {
  if (body.size() < 6) return broken(offset, "a short frame header");
  header.size = {word_at(body, 3), word_at(body, 1)};
  header.component_count = byte_at(body, 5);
  header.is_progressive = marker == sof2;
  if (header.size.empty() || header.size.width > max_dimension || header.size.height > max_dimension) {
    return broken(offset, "an impossible size");
  }
  if (header.component_count < 1 || header.component_count > 4 || body.size() < 6 + size_t(header.component_count) * 3) {
    return broken(offset, "an impossible number of components");
  }
  for (int i = 0; i < header.component_count; ++i) {
    const size_t at = 6 + static_cast<size_t>(i) * 3;
    const uint8_t factors = byte_at(body, at + 1);
    Component& component = header.components[i];
    component = {byte_at(body, at), static_cast<uint8_t>(factors >> 4), static_cast<uint8_t>(factors & 15), byte_at(body, at + 2)};
    if (component.horizontal < 1 || component.horizontal > 4 || component.vertical < 1 || component.vertical > 4) {
      return broken(offset, "an impossible sampling factor");
    }
  }
  return {};
}

bool is_exif(std::span<const std::byte> body) { return body.size() >= 6 && std::memcmp(body.data(), "Exif\0\0", 6) == 0; }

Result<void> read_segment(uint8_t marker, std::span<const std::byte> body, size_t offset, Header& header) {
  if (is_frame_marker(marker)) return read_frame(body, offset, marker, header);
  if (marker == dht) header.has_huffman_tables = true;
  if (marker == app1 && is_exif(body)) header.has_exif = true;
  if (marker == dri && body.size() >= 2) header.restart_interval = word_at(body, 0);
  return {};
}

// Calls `segment(marker, body, offset)` for each until it returns false or the scan begins. The scan's offset is the result.
template <typename Segment>
Result<size_t> walk(std::span<const std::byte> jpeg, Segment segment) {
  if (jpeg.size() < 4 || byte_at(jpeg, 0) != 0xff || byte_at(jpeg, 1) != soi) return broken(0, "no start of image");
  size_t at = 2;
  for (;;) {
    if (at + 4 > jpeg.size()) return broken(at, "the header ends early");
    if (byte_at(jpeg, at) != 0xff) return broken(at, "no marker");
    const uint8_t marker = byte_at(jpeg, at + 1);
    if (marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    if (marker == eoi || marker == soi || (marker >= rst0 && marker <= rst7) || marker < 0xc0) return broken(at, "a misplaced marker");
    const size_t length = word_at(jpeg, at + 2);
    if (length < 2 || at + 2 + length > jpeg.size()) return broken(at, "a segment longer than the picture");
    if (!segment(marker, jpeg.subspan(at + 4, length - 2), at)) return at;
    if (marker == sos) return at;
    at += 2 + length;
  }
}

}  // namespace

Result<Header> scan_header(std::span<const std::byte> jpeg) {
  Header header;
  Result<void> state;
  auto end = walk(jpeg, [&](uint8_t marker, std::span<const std::byte> body, size_t offset) {
    state = read_segment(marker, body, offset, header);
    return state.ok();
  });
  if (!state) return state.error();
  if (!end) return end.error();
  if (header.size.empty()) return broken(*end, "a scan without a frame header");
  header.sos_offset = *end;
  header.scan_offset = *end + 2 + word_at(jpeg, *end + 2);
  return header;
}

bool has_exif(std::span<const std::byte> jpeg) {
  bool found = false;
  const auto end = walk(jpeg, [&](uint8_t marker, std::span<const std::byte> body, size_t) {
    found = marker == app1 && is_exif(body);
    return !found;
  });
  return found && end.ok();
}

}  // namespace camweave::jpeg
