#include "format/sdp/sdp.h"

#include <fmt/format.h>

#include "media/h264/nal.h"

namespace camweave::sdp {
namespace {

void assign(std::vector<std::byte>& set, NalUnit nal) { set.assign(nal.begin(), nal.end()); }

std::string h264_format(const Description& d) {
  // profile-level-id: the three bytes behind the SPS's NAL header (RFC 6184 section 8.1).
  std::string profile;
  for (size_t i = 1; i <= 3 && i < d.sets.sps.size(); ++i) profile += fmt::format("{:02x}", std::to_integer<unsigned>(d.sets.sps[i]));
  return fmt::format("a=rtpmap:{0} H264/90000\r\na=fmtp:{0} packetization-mode=1;profile-level-id={1};sprop-parameter-sets={2},{3}\r\n",
                     d.payload_type, profile, base64(d.sets.sps), base64(d.sets.pps));
}

std::string h265_format(const Description& d) {
  return fmt::format("a=rtpmap:{0} H265/90000\r\na=fmtp:{0} sprop-vps={1};sprop-sps={2};sprop-pps={3}\r\n", d.payload_type,
                     base64(d.sets.vps), base64(d.sets.sps), base64(d.sets.pps));
}

std::string format_lines(const Description& d) {
  switch (d.codec) {
    case Codec::h264: return h264_format(d);
    case Codec::h265: return h265_format(d);
    case Codec::jpeg: return fmt::format("a=rtpmap:{} JPEG/90000\r\n", d.payload_type);
  }
  return {};
}

}  // namespace

std::optional<ParameterSets> find_parameter_sets(Codec codec, std::span<const std::byte> access_unit) {
  ParameterSets sets;
  for_each_nal(access_unit, [&](NalUnit nal) {
    if (codec == Codec::h264) {
      if (h264::type_of(nal) == h264::NalType::sps) assign(sets.sps, nal);
      if (h264::type_of(nal) == h264::NalType::pps) assign(sets.pps, nal);
    } else {
      if (h265::type_of(nal) == h265::NalType::vps) assign(sets.vps, nal);
      if (h265::type_of(nal) == h265::NalType::sps) assign(sets.sps, nal);
      if (h265::type_of(nal) == h265::NalType::pps) assign(sets.pps, nal);
    }
  });
  if (sets.sps.size() < 4 || sets.pps.empty() || (codec == Codec::h265 && sets.vps.empty())) return std::nullopt;
  return sets;
}

std::string serialize(const Description& d) {
  const char* family = d.address_is_v6 ? "IP6" : "IP4";
  std::string text = fmt::format(
      "v=0\r\no=- {5} 1 IN {0} {1}\r\ns={2}\r\nc=IN {0} {3}\r\nt=0 0\r\na=tool:camweave\r\na=control:*\r\na=range:npt=now-\r\n"
      "m=video 0 RTP/AVP {4}\r\n",
      family, d.address, d.session_name, d.address_is_v6 ? "::" : "0.0.0.0", d.payload_type, d.session_id);
  text += format_lines(d);
  if (!d.size.empty()) text += fmt::format("a=x-dimensions:{},{}\r\n", d.size.width, d.size.height);
  if (d.fps_milli) text += fmt::format("a=framerate:{:g}\r\n", d.fps_milli / 1000.0);
  return text + fmt::format("{}a=control:{}\r\n", d.is_announced ? "" : "a=recvonly\r\n", d.control);
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (i + j < bytes.size() ? std::to_integer<unsigned>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

}  // namespace camweave::sdp
