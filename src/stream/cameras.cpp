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

}  // namespace camweave
