#include "sink/mjpeg/mjpeg_framing.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace camweave {
namespace {

Result<PacketBuffer> store_part(std::string_view head, const Packet& packet, PacketMemory& memory) {
  constexpr std::string_view end = "\r\n--frame\r\n";
  const auto body = packet.body.bytes();
  const std::array<iovec, 3> pieces{iovec{const_cast<char*>(head.data()), head.size()},
                                    iovec{const_cast<std::byte*>(body.data()), body.size()},
                                    iovec{const_cast<char*>(end.data()), end.size()}};
  return memory.store(pieces);
}

Result<PacketBuffer> build_part(const Packet& packet, PacketMemory& memory) {
  const PacketInfo& info = packet.info;
  const int64_t wall_us = info.capture_wall.count();
  fmt::memory_buffer head;
  fmt::format_to(std::back_inserter(head),
                 "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}.{:06}\r\nX-Sequence: {}\r\n"
                 "X-Exposure-Us: {}\r\nX-Gain: {:.3f}\r\n\r\n",
                 packet.body.size(), wall_us / 1'000'000, wall_us % 1'000'000, info.sequence, info.metadata.exposure_us,
                 info.metadata.gain);
  return store_part({head.data(), head.size()}, packet, memory);
}

Result<PacketBuffer> build_plain_part(const Packet& packet, PacketMemory& memory) {
  return store_part("Content-Type: image/jpeg\r\n\r\n", packet, memory);
}

}  // namespace

const Framing mjpeg_framing{"mjpeg", build_part};
const Framing plain_mjpeg_framing{"mjpeg-plain", build_plain_part};

}  // namespace camweave
