// See floor_options.h.
#include "floor_options.h"

#include <charconv>
#include <string_view>

namespace bench {

const char kFloorUsage[] =
    "bench_floor --protocol rtsp-tcp|rtsp-udp [--send sendmsg|sendto|gso] [--frame-bytes 16667] [--fps 30] [--port 0]\n"
    "bench_floor --frames DIR [--protocol mjpeg|websocket|raw|bundle] [--send sendmsg|sendfile|tee] [--fps 30]\n"
    "            [--port 0] [--congestion NAME] [--lowat 16384] [--slots 1024]\n"
    "Prints 'port N', then serves the JPEGs of DIR in turn to whoever connects, until it is killed.\n";

namespace {

template <typename T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc{} && end == text.data() + text.size();
}

bool parse_protocol(std::string_view text, FloorProtocol& out) {
  if (text == "mjpeg") return out = FloorProtocol::Mjpeg, true;
  if (text == "websocket") return out = FloorProtocol::WebSocket, true;
  if (text == "raw") return out = FloorProtocol::Raw, true;
  if (text == "bundle") return out = FloorProtocol::Bundle, true;
  if (text == "rtsp-tcp") return out = FloorProtocol::RtspTcp, true;
  if (text == "rtsp-udp") return out = FloorProtocol::RtspUdp, true;
  return false;
}

bool apply(std::string_view name, std::string_view value, FloorOptions& out) {
  if (name == "--frames") return out.frames_dir = value, true;
  if (name == "--protocol") return parse_protocol(value, out.protocol);
  if (name == "--send" && value == "sendmsg") return out.send_by = SendBy::Sendmsg, true;
  if (name == "--send" && value == "sendfile") return out.send_by = SendBy::Sendfile, true;
  if (name == "--send" && value == "tee") return out.send_by = SendBy::Tee, true;
  if (name == "--send" && value == "sendto") return out.send_by = SendBy::Sendto, true;
  if (name == "--send" && value == "gso") return out.send_by = SendBy::Gso, true;
  if (name == "--frame-bytes") return parse_number(value, out.frame_bytes) && out.frame_bytes > 0;
  if (name == "--fps") return parse_number(value, out.fps) && out.fps > 0;
  if (name == "--port") return parse_number(value, out.port);
  if (name == "--congestion") return out.congestion = value, true;
  if (name == "--lowat") return parse_number(value, out.notsent_lowat_bytes);
  if (name == "--slots") return parse_number(value, out.store_slots) && out.store_slots > 1;
  return false;
}

}  // namespace

std::optional<FloorOptions> parse_floor_options(int argc, char** argv, std::string& error) {
  FloorOptions options;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 < argc && apply(argv[i], argv[i + 1], options)) continue;
    error = "unknown option or bad value: " + std::string(argv[i]);
    return std::nullopt;
  }
  const bool is_rtsp = options.protocol == FloorProtocol::RtspTcp || options.protocol == FloorProtocol::RtspUdp;
  if (options.frames_dir.empty() && !is_rtsp) error = "--frames is missing";
  if (!error.empty()) return std::nullopt;
  return options;
}

}  // namespace bench
