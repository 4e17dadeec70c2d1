#include "format/rtp/packetizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "format/rtp/jpeg_payload.h"
#include "media/h264/nal.h"

namespace camweave::rtp {
namespace {

constexpr size_t max_payload_bytes = max_packet_bytes - header_bytes;

void put_u8(std::vector<std::byte>& out, uint32_t value) { out.push_back(std::byte(value & 0xff)); }
void put_u16(std::vector<std::byte>& out, uint32_t value) {
  put_u8(out, value >> 8);
  put_u8(out, value);
}
void put_u32(std::vector<std::byte>& out, uint32_t value) {
  put_u16(out, value >> 16);
  put_u16(out, value);
}
void put_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// How large each of the pieces is when `total` goes into the fewest of at most `most`: equal but the last.
size_t piece_bytes(size_t total, size_t most) {
  const size_t pieces = (total + most - 1) / most;
  return (total + pieces - 1) / pieces;
}

// An access unit delimiter says nothing that the marker bit doesn't.
bool is_delimiter(Codec codec, NalUnit nal) {
  return codec == Codec::h264 ? h264::type_of(nal) == h264::NalType::aud : h265::type_of(nal) == h265::NalType::aud;
}

}  // namespace

Packetizer::Packetizer(PacketizerOptions options) : options_(options), sequence_(options.first_sequence) {}

void Packetizer::begin_packet(size_t payload_bytes, uint32_t timestamp, bool marker, std::vector<std::byte>& out) {
  put_u8(out, '$');
  put_u8(out, options_.channel);
  put_u16(out, static_cast<uint32_t>(header_bytes + payload_bytes));
  put_u8(out, 0x80);  // version 2
  put_u8(out, (marker ? 0x80u : 0u) | payload_type());
  put_u16(out, sequence_++);
  put_u32(out, timestamp);
  put_u32(out, options_.ssrc);
  ++packets_;
}

Result<size_t> Packetizer::packetize(std::span<const std::byte> access_unit, uint32_t timestamp,
                                     std::vector<std::byte>& out) {
  packets_ = 0;
  if (options_.codec == Codec::jpeg) {
    if (auto made = packetize_jpeg(access_unit, timestamp, out); !made) return made.error();
    return packets_;
  }
  held_.clear();
  for_each_nal(access_unit, [&](NalUnit nal) {
    if (!is_delimiter(options_.codec, nal) && (options_.codec != Codec::h265 || nal.size() >= 2))
      packetize_nal(nal, timestamp, out);
  });
  if (held_.empty()) return Error{ErrorCode::protocol, "RTP: an access unit without a NAL unit"};
  packetize_held(timestamp, true, out);
  return packets_;
}

// Held back until it is known whether the next one fits beside it, and which is the last of the frame.
void Packetizer::packetize_nal(NalUnit nal, uint32_t timestamp, std::vector<std::byte>& out) {
  if (!held_.empty() && held_bytes_ + 2 + nal.size() > max_payload_bytes) packetize_held(timestamp, false, out);
  if (held_.empty()) held_bytes_ = options_.codec == Codec::h264 ? 1 : 2;
  held_.push_back(nal);
  held_bytes_ += 2 + nal.size();
}

void Packetizer::packetize_held(uint32_t timestamp, bool last, std::vector<std::byte>& out) {
  if (held_.size() > 1) {
    aggregate_held(timestamp, last, out);
  } else if (held_[0].size() > max_payload_bytes) {
    fragment_nal(held_[0], timestamp, last, out);
  } else {
    begin_packet(held_[0].size(), timestamp, last, out);
    put_bytes(out, held_[0]);
  }
  held_.clear();
}

// RFC 6184 section 5.7.1 (STAP-A), RFC 7798 section 4.4.2 (AP). The header's importance is the highest of its units',
// its layer and temporal id the lowest.
void Packetizer::aggregate_held(uint32_t timestamp, bool last, std::vector<std::byte>& out) {
  begin_packet(held_bytes_, timestamp, last, out);
  if (options_.codec == Codec::h264) {
    std::byte importance{}, forbidden{};
    for (const auto nal : held_) {
      importance = std::max(importance, nal[0] & std::byte{0x60});
      forbidden |= nal[0] & std::byte{0x80};
    }
    out.push_back(forbidden | importance | std::byte{24});
  } else {
    uint32_t lowest = 0xffff, forbidden = 0;
    for (const auto nal : held_) {
      const uint32_t header = std::to_integer<uint32_t>(nal[0]) << 8 | std::to_integer<uint32_t>(nal[1]);
      lowest = std::min(lowest, header & 0x01ffu);
      forbidden |= header & 0x8000u;
    }
    put_u16(out, forbidden | 48u << 9 | lowest);
  }
  for (const auto nal : held_) {
    put_u16(out, static_cast<uint32_t>(nal.size()));
    put_bytes(out, nal);
  }
}

// RFC 6184 section 5.8 (FU-A), RFC 7798 section 4.4.3: the NAL header is spread over the payload header and the FU
// header.
void Packetizer::fragment_nal(NalUnit nal, uint32_t timestamp, bool last, std::vector<std::byte>& out) {
  std::array<std::byte, 2> payload_header{};
  size_t nal_header_bytes, type;
  if (options_.codec == Codec::h264) {
    nal_header_bytes = 1;
    type = std::to_integer<size_t>(nal[0]) & 0x1f;
    payload_header[0] = (nal[0] & std::byte{0xe0}) | std::byte{28};
  } else {
    nal_header_bytes = 2;
    type = (std::to_integer<size_t>(nal[0]) >> 1) & 0x3f;
    payload_header[0] = (nal[0] & std::byte{0x81}) | std::byte{49 << 1};
    payload_header[1] = nal[1];
  }
  const size_t fu_bytes = nal_header_bytes + 1;
  auto rest = nal.subspan(nal_header_bytes);
  const size_t each = piece_bytes(rest.size(), max_payload_bytes - fu_bytes);
  for (bool first = true; !rest.empty(); first = false) {
    const auto piece = rest.first(std::min(each, rest.size()));
    rest = rest.subspan(piece.size());
    begin_packet(fu_bytes + piece.size(), timestamp, last && rest.empty(), out);
    put_bytes(out, std::span(payload_header).first(nal_header_bytes));
    put_u8(out, (first ? 0x80u : 0u) | (rest.empty() ? 0x40u : 0u) | static_cast<uint32_t>(type));
    put_bytes(out, piece);
  }
}

Result<void> Packetizer::packetize_jpeg(std::span<const std::byte> jpeg, uint32_t timestamp,
                                        std::vector<std::byte>& out) {
  const auto parts = take_jpeg_apart(jpeg);
  if (!parts) return parts.error();
  const size_t restart_bytes = parts->restart_interval ? 4 : 0;
  const size_t table_bytes = 4 + parts->quantization_tables.size();  // on the first packet only
  const size_t common_bytes = 8 + restart_bytes;
  size_t offset = 0;
  while (offset < parts->scan.size()) {
    const size_t extra = offset == 0 ? table_bytes : 0;
    const size_t size = std::min(parts->scan.size() - offset, max_payload_bytes - common_bytes - extra);
    begin_packet(common_bytes + extra + size, timestamp, offset + size == parts->scan.size(), out);
    put_u32(out, static_cast<uint32_t>(offset));  // type-specific 0, then 24 bits of offset
    put_u8(out, parts->type);
    put_u8(out, 255);  // Q: the tables come with each frame
    put_u8(out, static_cast<uint32_t>((parts->size.width + 7) / 8));
    put_u8(out, static_cast<uint32_t>((parts->size.height + 7) / 8));
    if (restart_bytes) {
      put_u16(out, parts->restart_interval);
      put_u16(out, 0xffff);  // F and L set, count all ones: reassemble before decoding
    }
    if (extra) {
      put_u16(out, 0);  // MBZ, 8-bit precision
      put_u16(out, static_cast<uint32_t>(parts->quantization_tables.size()));
      put_bytes(out, parts->quantization_tables);
    }
    put_bytes(out, parts->scan.subspan(offset, size));
    offset += size;
  }
  return {};
}

std::span<const std::byte> next_packet(std::span<const std::byte>& interleaved) {
  if (interleaved.size() < interleaved_header_bytes) return {};
  const size_t size = std::to_integer<size_t>(interleaved[2]) << 8 | std::to_integer<size_t>(interleaved[3]);
  if (interleaved.size() < interleaved_header_bytes + size) return {};
  const auto packet = interleaved.subspan(interleaved_header_bytes, size);
  interleaved = interleaved.subspan(interleaved_header_bytes + size);
  return packet;
}

std::vector<std::byte> serialize_sender_report(const SenderReport& report, std::string_view cname) {
  constexpr int64_t ntp_offset_s = 2'208'988'800;  // 1900 to 1970
  std::vector<std::byte> out;
  put_u8(out, 0x80);
  put_u8(out, 200);
  put_u16(out, 6);
  put_u32(out, report.ssrc);
  put_u32(out, static_cast<uint32_t>(report.wall_us / 1'000'000 + ntp_offset_s));
  put_u32(out, static_cast<uint32_t>((static_cast<uint64_t>(report.wall_us % 1'000'000) << 32) / 1'000'000));
  put_u32(out, report.rtp_timestamp);
  put_u32(out, report.packet_count);
  put_u32(out, report.octet_count);
  // SDES with the CNAME, padded to 32 bits with at least one zero.
  cname = cname.substr(0, 255);
  const size_t chunk = (4 + 2 + cname.size() + 1 + 3) / 4 * 4;
  put_u8(out, 0x81);
  put_u8(out, 202);
  put_u16(out, static_cast<uint32_t>(chunk / 4));
  put_u32(out, report.ssrc);
  put_u8(out, 1);
  put_u8(out, static_cast<uint32_t>(cname.size()));
  put_bytes(out, std::as_bytes(std::span(cname)));
  out.resize(out.size() + chunk - 6 - cname.size());
  return out;
}

std::vector<std::byte> serialize_bye(uint32_t ssrc) {
  std::vector<std::byte> out;
  put_u8(out, 0x81);
  put_u8(out, 203);
  put_u16(out, 1);
  put_u32(out, ssrc);
  return out;
}

}  // namespace camweave::rtp
