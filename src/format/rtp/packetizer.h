// Access units → RTP packets (RFC 3550), made once for all readers. A frame's packets lie one behind another, each
// behind the four bytes of RTSP's interleaving ('$', channel, length; RFC 2326 section 10.12): TCP readers get the
// whole as it is, UDP readers the packets without the four bytes. Fragments of one NAL unit are of equal size but the
// last, so that UDP readers are served by segmentation offload. Pure: no I/O, no clock; a Packetizer is thread-bound.
//
//   H.264: RFC 6184, single NAL, STAP-A and FU-A (packetization-mode 1). H.265: RFC 7798, single NAL, AP and FU. JPEG:
//   RFC 2435. Small NAL units that follow each other share a packet: each packet by itself costs as much to send as a
//   run of a dozen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "media/video_format.h"

namespace camweave::rtp {

inline constexpr size_t header_bytes = 12;
inline constexpr size_t interleaved_header_bytes = 4;
inline constexpr size_t max_packet_bytes =
    1400;  // RTP header and payload: fits an Ethernet frame with room for tunnels
inline constexpr uint32_t video_clock_hz = 90'000;
inline constexpr uint8_t jpeg_payload_type = 26;  // RFC 3551
inline constexpr uint8_t dynamic_payload_type = 96;

struct PacketizerOptions {
  Codec codec = Codec::h264;
  uint32_t ssrc = 0;
  uint16_t first_sequence = 0;
  uint8_t channel = 0;
};

class Packetizer {
 public:
  explicit Packetizer(PacketizerOptions options);

  // Appends the frame's packets to `out` and answers how many. `timestamp`: 90 kHz ticks. `unsupported`: a JPEG that
  // RFC 2435 can't carry (progressive, larger than 2040 pixels, other sampling than 4:2:0 and 4:2:2, own Huffman
  // tables).
  Result<size_t> packetize(std::span<const std::byte> access_unit, uint32_t timestamp, std::vector<std::byte>& out);

  uint16_t next_sequence() const { return sequence_; }
  uint32_t ssrc() const { return options_.ssrc; }
  uint8_t payload_type() const { return options_.codec == Codec::jpeg ? jpeg_payload_type : dynamic_payload_type; }

 private:
  void packetize_nal(std::span<const std::byte> nal, uint32_t timestamp, std::vector<std::byte>& out);
  void packetize_held(uint32_t timestamp, bool last, std::vector<std::byte>& out);
  void aggregate_held(uint32_t timestamp, bool last, std::vector<std::byte>& out);
  void fragment_nal(std::span<const std::byte> nal, uint32_t timestamp, bool last, std::vector<std::byte>& out);
  Result<void> packetize_jpeg(std::span<const std::byte> jpeg, uint32_t timestamp, std::vector<std::byte>& out);
  void begin_packet(size_t payload_bytes, uint32_t timestamp, bool marker, std::vector<std::byte>& out);

  const PacketizerOptions options_;
  uint16_t sequence_;
  size_t packets_ = 0;                            // of the frame being made
  std::vector<std::span<const std::byte>> held_;  // NAL units that go into one packet, or one that goes into several
  size_t held_bytes_ = 0;                         // as an aggregation packet
};

// The packets in what packetize() made: `span` without the interleaving. Pure.
std::span<const std::byte> next_packet(std::span<const std::byte>& interleaved);

// A sender report (RFC 3550 section 6.4.1) with a CNAME, compound, without interleaving.
struct SenderReport {
  uint32_t ssrc = 0;
  int64_t wall_us = 0;  // Unix, of the same moment as rtp_timestamp
  uint32_t rtp_timestamp = 0;
  uint32_t packet_count = 0;
  uint32_t octet_count = 0;
};
std::vector<std::byte> serialize_sender_report(const SenderReport& report, std::string_view cname);
std::vector<std::byte> serialize_bye(uint32_t ssrc);

}  // namespace camweave::rtp
