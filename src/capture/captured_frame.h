// CapturedFrame: a frame with what the runtime adds to it once for all its renditions.
#pragma once

#include "base/clock.h"
#include "media/frame.h"

namespace camweave {

struct CapturedFrame {
  Frame frame;                      // its sequence is the camera's rising count already
  UnixMicroseconds capture_wall{};  // the moment of capture on the wall clock
  int source_fps_milli = 0;         // the mode's nominal rate; 0: unknown
};

}  // namespace camweave
