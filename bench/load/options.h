// What the load generator is asked to do, from its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bench {

enum class Protocol {
  Mjpeg,       // multipart/x-mixed-replace behind an HTTP response
  Multipart,   // the same parts with no HTTP around them (GStreamer's tcpserversink)
  WebSocket,   // one binary message per JPEG
  Raw,         // 4-byte big-endian length, then the JPEG
  Bundle,      // FrameBundle in WebSocket messages
  BundleUnix,  // FrameBundle behind UdsPacketHeader on a UNIX socket
  RtspTcp,     // RTP interleaved in an RTSP connection
  RtspUdp,     // RTP by UDP unicast
};

enum class Mode {
  Drain,  // reads each frame's head and last two bytes and throws the rest away in the kernel
  Check,  // reads and judges every byte
};

struct Options {
  Protocol protocol = Protocol::Mjpeg;
  Mode mode = Mode::Drain;
  bool decode = false;  // Check only: run every frame through libjpeg-turbo, too
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  std::string unix_path;
  std::vector<std::string> paths = {"/"};  // clients take them in turn
  std::string http_version = "1.1";
  std::string congestion;
  std::string reference_dir;  // Check only: the pictures that a pass-through may deliver
  uint32_t clients = 1;
  uint32_t slow_clients = 0;
  double slow_bits_per_s = 20e6;
  int slow_receive_buffer_bytes = 16384;
  double warmup_s = 1.0;
  double seconds = 3.0;
  double connect_timeout_s = 10.0;
  uint32_t most_starting = 128;  // so many may be between connect and first frame at once: no listen queue overflows
  uint64_t churn_cycles = 0;     // > 0: connect, take one frame, leave, again; so often in all
};

// The usage text that belongs to parse_options.
extern const char kUsage[];

// Nothing when the command line is wrong; `error` then says what is.
std::optional<Options> parse_options(int argc, char** argv, std::string& error);

}  // namespace bench
