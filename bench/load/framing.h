// The headers that stand in front of frames, for each protocol that the generator speaks. Pure functions over the bytes
// that have arrived; each says how many of them it used. What follows a header (the body) is counted, not parsed, here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bench {

enum class Parsed { Complete, NeedMore, Bad };

// An HTTP response's head.
struct HttpHead {
  size_t used_bytes = 0;
  int status = 0;
  bool multipart = false;
  bool chunked = false;
};
Parsed parse_http_head(std::string_view bytes, HttpHead& out);

// One part's head: CRLFs, the boundary line, headers, an empty line.
struct PartHead {
  size_t used_bytes = 0;
  std::string boundary_line;               // with its leading "--", without CRLF
  std::optional<uint64_t> content_length;  // none: the part ends at the next boundary
  std::optional<uint64_t> sequence;        // X-Sequence
  std::optional<int64_t> unix_us;          // X-Timestamp
  bool jpeg = false;
};
// Where a part's boundary line begins in a stream that was joined somewhere; npos when it is not here yet.
size_t find_part_head(std::string_view bytes);
Parsed parse_part_head(std::string_view bytes, PartHead& out);

struct WebSocketHead {
  size_t used_bytes = 0;
  uint64_t payload_bytes = 0;
  unsigned opcode = 0;
  bool last_fragment = false;
};
Parsed parse_websocket_head(std::string_view bytes, WebSocketHead& out);

// FrameBundleHeader and CameraFrameHeader (docs/reference names the fields).
constexpr size_t kBundleHeaderBytes = 24;
constexpr size_t kCameraHeaderBytes = 40;
struct BundleHead {
  uint16_t camera_count = 0;
  uint64_t sequence = 0;
  int64_t unix_us = 0;
};
struct CameraHead {
  uint32_t flags = 0;
  uint32_t payload_bytes = 0;
  uint64_t sequence = 0;
  int64_t unix_us = 0;
};
// Both want exactly their header's bytes or more.
std::optional<BundleHead> parse_bundle_head(std::string_view bytes);
std::optional<CameraHead> parse_camera_head(std::string_view bytes);

uint32_t read_be32(std::string_view bytes);
uint32_t read_le32(std::string_view bytes);

}  // namespace bench
