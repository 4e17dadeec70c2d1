#include "sink/mjpeg/mjpeg_framing.h"

#include <fmt/format.h>

#include <string_view>

namespace camweave {
namespace {

constexpr std::string_view part_end = "\r\n--frame\r\n";

FrameEnds part_ends(const Packet& packet) {
  const PacketInfo& info = packet.info;
  const int64_t wall_us = info.capture_wall.count();
  return {fmt::format("Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}.{:06}\r\nX-Sequence: {}\r\n"
                      "X-Exposure-Us: {}\r\nX-Gain: {:.3f}\r\n\r\n",
                      packet.body.size(), wall_us / 1'000'000, wall_us % 1'000'000, info.sequence,
                      info.metadata.exposure_us, info.metadata.gain),
          part_end};
}

FrameEnds plain_part_ends(const Packet&) { return {"Content-Type: image/jpeg\r\n\r\n", part_end}; }

}  // namespace

const Framing mjpeg_framing{"mjpeg", part_ends};
const Framing plain_mjpeg_framing{"mjpeg-plain", plain_part_ends};

}  // namespace camweave
