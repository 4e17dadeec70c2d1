// What an RTSP address asks for: rtsp://HOST:PORT/CAMERA[?size=&fps=&codec=&rotate=&quality=][/trackID=0]. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "media/video_format.h"

namespace camweave {

inline constexpr std::string_view rtsp_track = "/trackID=0";  // the one that there is

struct RtspTarget {
  std::string camera_id;
  Rendition rendition;  // its codec: H.264 where the address names none
  bool names_codec = false;
  std::string base_url;  // without the track
};

// `not_found` where it names no camera, `invalid_argument` with the parameter's name for a bad value.
Result<RtspTarget> parse_rtsp_target(std::string_view url);

}  // namespace camweave
