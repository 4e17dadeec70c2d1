// A camera's access units, damaged in any way, into RTP packets.
#include "format/rtp/packetizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camweave;
  if (size == 0) return 0;
  constexpr Codec codecs[] = {Codec::h264, Codec::h265, Codec::jpeg};
  rtp::Packetizer packetizer({.codec = codecs[data[0] % 3]});
  std::vector<std::byte> out;
  const auto made = packetizer.packetize(std::as_bytes(std::span(data + 1, size - 1)), 1, out);
  if (!made) return 0;
  size_t packets = 0;
  for (std::span<const std::byte> rest = out; !rest.empty(); ++packets) {
    if (rtp::next_packet(rest).size() > rtp::max_packet_bytes) __builtin_trap();
  }
  if (packets != *made) __builtin_trap();
  return 0;
}
