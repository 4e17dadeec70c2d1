// See framing.h.
#include "framing.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace bench {
namespace {

uint64_t read_le(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

uint64_t read_be(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 32) == (y | 32); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Seconds with a fraction, exactly (a double keeps no microseconds of 2026 safely apart).
std::optional<int64_t> unix_us_from(std::string_view text) {
  const size_t dot = std::min(text.find('.'), text.size());
  const auto whole = number<int64_t>(text.substr(0, dot));
  if (!whole) return std::nullopt;
  std::string digits(text.substr(std::min(dot + 1, text.size())));
  digits.resize(6, '0');
  const auto fraction = number<int64_t>(digits);
  if (!fraction) return std::nullopt;
  return *whole * 1'000'000 + *fraction;
}

// Calls visit(name, value) for each line; false when a line is no header.
template <typename Visit>
bool each_header(std::string_view lines, Visit visit) {
  while (!lines.empty()) {
    const size_t end = std::min(lines.find("\r\n"), lines.size());
    const std::string_view line = lines.substr(0, end);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    visit(line.substr(0, colon), trimmed(line.substr(colon + 1)));
    lines.remove_prefix(std::min(end + 2, lines.size()));
  }
  return true;
}

}  // namespace

Parsed parse_http_head(std::string_view bytes, HttpHead& out) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return Parsed::NeedMore;
  const size_t first_line = bytes.find("\r\n");
  const std::string_view status_line = bytes.substr(0, first_line);
  if (!status_line.starts_with("HTTP/1.") || status_line.size() < 12) return Parsed::Bad;
  out = {};
  out.status = number<int>(status_line.substr(9, 3)).value_or(0);
  out.used_bytes = end + 4;
  const std::string_view lines = first_line == end ? "" : bytes.substr(first_line + 2, end - first_line - 2);
  const bool well_formed = each_header(lines, [&](std::string_view name, std::string_view value) {
    if (same_ignoring_case(name, "Content-Type")) out.multipart = value.starts_with("multipart/");
    if (same_ignoring_case(name, "Transfer-Encoding")) out.chunked = same_ignoring_case(value, "chunked");
  });
  return well_formed ? Parsed::Complete : Parsed::Bad;
}

size_t find_part_head(std::string_view bytes) {
  const size_t header = bytes.find("\r\nContent-Type: image/jpeg\r\n");
  return header == std::string_view::npos ? header : bytes.rfind("--", header);
}

Parsed parse_part_head(std::string_view bytes, PartHead& out) {
  const size_t start = bytes.find_first_not_of("\r\n");
  if (start == std::string_view::npos) return Parsed::NeedMore;
  if (bytes[start] != '-') return Parsed::Bad;
  const size_t end = bytes.find("\r\n\r\n", start);
  if (end == std::string_view::npos) return Parsed::NeedMore;
  const size_t first_line = bytes.find("\r\n", start);
  out = {};
  out.boundary_line = bytes.substr(start, first_line - start);
  if (!out.boundary_line.starts_with("--")) return Parsed::Bad;
  out.used_bytes = end + 4;
  const std::string_view lines = first_line == end ? "" : bytes.substr(first_line + 2, end - first_line - 2);
  const bool well_formed = each_header(lines, [&](std::string_view name, std::string_view value) {
    if (same_ignoring_case(name, "Content-Type")) out.jpeg = same_ignoring_case(value, "image/jpeg");
    if (same_ignoring_case(name, "Content-Length")) out.content_length = number<uint64_t>(value);
    if (same_ignoring_case(name, "X-Sequence")) out.sequence = number<uint64_t>(value);
    if (same_ignoring_case(name, "X-Timestamp")) out.unix_us = unix_us_from(value);
  });
  return well_formed ? Parsed::Complete : Parsed::Bad;
}

Parsed parse_websocket_head(std::string_view bytes, WebSocketHead& out) {
  if (bytes.size() < 2) return Parsed::NeedMore;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  if ((first & 0x70) != 0 || (second & 0x80) != 0) return Parsed::Bad;  // an extension, or a masked server frame
  out = {};
  out.last_fragment = (first & 0x80) != 0;
  out.opcode = first & 0x0F;
  const size_t length_bytes = second == 126 ? 2 : second == 127 ? 8 : 0;
  if (bytes.size() < 2 + length_bytes) return Parsed::NeedMore;
  out.payload_bytes = length_bytes == 0 ? second : read_be(bytes, 2, length_bytes);
  out.used_bytes = 2 + length_bytes;
  return Parsed::Complete;
}

std::optional<BundleHead> parse_bundle_head(std::string_view bytes) {
  if (bytes.size() < kBundleHeaderBytes || !bytes.starts_with("CWFB") || read_le(bytes, 4, 2) != 1) return std::nullopt;
  BundleHead head;
  head.camera_count = static_cast<uint16_t>(read_le(bytes, 6, 2));
  head.sequence = read_le(bytes, 8, 8);
  head.unix_us = static_cast<int64_t>(read_le(bytes, 16, 8));
  return head;
}

std::optional<CameraHead> parse_camera_head(std::string_view bytes) {
  if (bytes.size() < kCameraHeaderBytes) return std::nullopt;
  CameraHead head;
  head.flags = static_cast<uint32_t>(read_le(bytes, 8, 4));
  head.payload_bytes = static_cast<uint32_t>(read_le(bytes, 12, 4));
  head.sequence = read_le(bytes, 16, 8);
  head.unix_us = static_cast<int64_t>(read_le(bytes, 24, 8));
  return head;
}

uint32_t read_be32(std::string_view bytes) { return static_cast<uint32_t>(read_be(bytes, 0, 4)); }
uint32_t read_le32(std::string_view bytes) { return static_cast<uint32_t>(read_le(bytes, 0, 4)); }

}  // namespace bench
