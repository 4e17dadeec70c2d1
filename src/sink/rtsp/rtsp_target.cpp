#include "sink/rtsp/rtsp_target.h"

#include <algorithm>

#include "sink/rendition_query.h"

namespace camweave {
namespace {

// Players put the track at the address's end, or at the path's end and the query behind it.
std::string without_track(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  std::string text(url);
  const size_t query = std::min(text.find('?'), text.size());
  if (text.size() >= rtsp_track.size() && text.ends_with(rtsp_track)) {
    text.resize(text.size() - rtsp_track.size());
  } else if (query >= rtsp_track.size() && std::string_view(text).substr(0, query).ends_with(rtsp_track)) {
    text.erase(query - rtsp_track.size(), rtsp_track.size());
  }
  while (text.ends_with('/')) text.pop_back();
  return text;
}

}  // namespace

Result<RtspTarget> parse_rtsp_target(std::string_view url) {
  const Error no_camera{ErrorCode::not_found, "the address names no camera: rtsp://HOST:PORT/CAMERA"};
  if (!url.starts_with("rtsp://") && !url.starts_with("rtsps://"))
    return Error{ErrorCode::invalid_argument, "no rtsp:// address"};
  const size_t path = url.find('/', url.find("://") + 3);
  if (path == std::string_view::npos) return no_camera;
  RtspTarget target;
  target.base_url = without_track(url);
  if (target.base_url.size() <= path) return no_camera;
  HttpRequest request;
  if (auto parsed = parse_request_target(std::string_view(target.base_url).substr(path), request); !parsed)
    return parsed.error();
  std::erase(request.segments, "");
  if (request.segments.size() != 1) return Error{ErrorCode::not_found, "no such camera"};
  target.camera_id = request.segments[0];
  auto rendition = parse_rendition_query(request);
  if (!rendition) return rendition.error();
  target.rendition = *rendition;
  target.rendition.codec = Codec::h264;
  if (const auto name = request.query_value("codec")) {
    const auto codec = parse_codec(*name);
    if (!codec) return Error{ErrorCode::invalid_argument, "codec must be h264, h265 or mjpeg"};
    target.rendition.codec = *codec;
    target.names_codec = true;
  }
  return target;
}

}  // namespace camweave
