// What the floor program is asked to do, from its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bench {

enum class FloorProtocol { Mjpeg, WebSocket, Raw, Bundle, RtspTcp, RtspUdp };

enum class SendBy {
  Sendmsg,   // header and shared body gathered in one call
  Sendto,    // RtspUdp: one call per packet
  Gso,       // RtspUdp: runs of equal packets by segmentation offload
  Sendfile,  // one image of header and body in a memfd, its pages queued without a copy
  Tee,       // the same pages, looked up once per image: from pipe to pipe by tee, to the client by splice
};

struct FloorOptions {
  FloorProtocol protocol = FloorProtocol::Mjpeg;
  SendBy send_by = SendBy::Sendmsg;
  std::string frames_dir;
  std::string congestion;
  uint16_t port = 0;  // 0: any free one
  double fps = 30;
  size_t frame_bytes = 16'667;  // of the RTSP protocols, whose frames are made up: 4 Mbit/s at 30 fps
  uint32_t notsent_lowat_bytes = 16384;
  uint32_t store_slots = 1024;  // Sendfile and Tee: how many images may be alive at once
};

extern const char kFloorUsage[];

// Nothing when the command line is wrong; `error` then says what is.
std::optional<FloorOptions> parse_floor_options(int argc, char** argv, std::string& error);

}  // namespace bench
