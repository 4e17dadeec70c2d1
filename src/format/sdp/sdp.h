// Session descriptions (RFC 4566, attributes of RFC 6184, 7798 and 2326) that our RTSP server and publisher write. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "media/video_format.h"

namespace camweave::sdp {

// What a receiver must have before the first picture. Without start codes.
struct ParameterSets {
  std::vector<std::byte> vps;  // H.265 only
  std::vector<std::byte> sps;
  std::vector<std::byte> pps;
  bool operator==(const ParameterSets&) const = default;
};

// The sets of a keyframe; none where it doesn't carry them all.
std::optional<ParameterSets> find_parameter_sets(Codec codec, std::span<const std::byte> access_unit);

struct Description {
  std::string session_name;   // the camera's id
  uint64_t session_id = 0;    // tells sessions of one name apart
  std::string address;        // the server's, "0.0.0.0" where it doesn't matter
  bool address_is_v6 = false;
  Codec codec = Codec::h264;
  int payload_type = 96;
  int fps_milli = 0;          // 0: unknown
  Size size{};
  ParameterSets sets;
  bool is_announced = false;  // by a publisher: the reader of this is who receives, no client of ours
  std::string control;        // of the one track: "trackID=0"
};
std::string serialize(const Description& description);

std::string base64(std::span<const std::byte> bytes);

}  // namespace camweave::sdp
