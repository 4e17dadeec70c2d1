// See frame_source.h.
#include "frame_source.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace bench {
namespace {

void append_le(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

void append_be(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::string websocket_header(uint64_t payload_bytes) {
  std::string out = "\x82";
  if (payload_bytes < 126) {
    append_be(out, payload_bytes, 1);
  } else if (payload_bytes < 65536) {
    append_be(out, 126, 1), append_be(out, payload_bytes, 2);
  } else {
    append_be(out, 127, 1), append_be(out, payload_bytes, 8);
  }
  return out;
}

std::string part_header(uint64_t sequence, int64_t unix_us, size_t jpeg_bytes) {
  char text[256];
  const int length = std::snprintf(text, sizeof text,
                                   "\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n"
                                   "X-Timestamp: %" PRId64 ".%06d\r\nX-Sequence: %" PRIu64 "\r\n\r\n",
                                   jpeg_bytes, unix_us / 1'000'000, static_cast<int>(unix_us % 1'000'000), sequence);
  return {text, static_cast<size_t>(length)};
}

std::string bundle_header(uint64_t sequence, int64_t unix_us, size_t jpeg_bytes) {
  std::string out = "CWFB";
  append_le(out, 1, 2), append_le(out, 1, 2), append_le(out, sequence, 8);
  append_le(out, static_cast<uint64_t>(unix_us), 8);
  append_le(out, 0, 2), append_le(out, 1, 2), append_le(out, 1920, 2), append_le(out, 1080, 2);
  append_le(out, 0, 4), append_le(out, jpeg_bytes, 4), append_le(out, sequence, 8);
  append_le(out, static_cast<uint64_t>(unix_us), 8), append_le(out, 0, 8);
  return out;
}

}  // namespace

bool FrameSource::load(const std::string& dir) {
  std::error_code failed;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(dir, failed)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    if (bytes.size() < 4 || bytes[0] != '\xFF' || bytes[1] != '\xD8') continue;
    pictures_.push_back(make_stampable({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}));
  }
  return !pictures_.empty();
}

size_t FrameSource::largest_bytes() const {
  size_t largest = 0;
  for (const StampableJpeg& picture : pictures_) largest = std::max(largest, picture.bytes.size());
  return largest;
}

std::string frame_header(FloorProtocol protocol, uint64_t sequence, int64_t unix_us, size_t jpeg_bytes) {
  switch (protocol) {
    case FloorProtocol::Mjpeg:
      return part_header(sequence, unix_us, jpeg_bytes);
    case FloorProtocol::WebSocket:
      return websocket_header(jpeg_bytes);
    case FloorProtocol::Bundle: {
      const std::string head = bundle_header(sequence, unix_us, jpeg_bytes);
      return websocket_header(head.size() + jpeg_bytes) + head;
    }
    case FloorProtocol::Raw:
    case FloorProtocol::RtspTcp:  // has frames of its own
    case FloorProtocol::RtspUdp:
      break;
  }
  std::string out;
  append_be(out, jpeg_bytes, 4);
  return out;
}

std::string greeting(FloorProtocol protocol) {
  switch (protocol) {
    case FloorProtocol::Mjpeg:
      return "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\nConnection: close\r\n\r\n";
    case FloorProtocol::WebSocket:
    case FloorProtocol::Bundle:
      // The accept key that belongs to the load generator's fixed key: enough for it, and no hashing in the floor.
      return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: OPx7QebFMV802c7iw6lPhUWm7xI=\r\n\r\n";
    case FloorProtocol::Raw:
    case FloorProtocol::RtspTcp:
    case FloorProtocol::RtspUdp:
      break;
  }
  return "";
}

}  // namespace bench
