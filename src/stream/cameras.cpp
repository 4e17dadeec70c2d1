#include "stream/cameras.h"

namespace camweave {

const char* to_string(CameraState state) {
  switch (state) {
    case CameraState::starting: return "starting";
    case CameraState::streaming: return "streaming";
    case CameraState::stalled: return "stalled";
    case CameraState::failed: return "failed";
    case CameraState::away: return "away";
    case CameraState::disabled: return "disabled";
  }
  return "failed";
}

bool passes_through(const Rendition& rendition, const ipc::Mode& mode) {
  const bool is_own = (rendition.codec == Codec::jpeg && mode.format == PixelFormat::jpeg && rendition.quality == 0) ||
                      (rendition.codec == Codec::h264 && mode.format == PixelFormat::h264) ||
                      (rendition.codec == Codec::h265 && mode.format == PixelFormat::h265);
  const bool keeps_size =
      rendition.size.empty() || (rendition.size.width >= mode.size.width && rendition.size.height >= mode.size.height);
  return !mode.size.empty() && is_own && keeps_size && rendition.rotation == 0 &&
         (rendition.fps_milli == 0 || rendition.fps_milli >= mode.fps_milli);
}

}  // namespace camweave
