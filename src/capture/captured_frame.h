// CapturedFrame: a frame with what the runtime adds to it once for all its renditions.
#pragma once

#include <optional>

#include "base/clock.h"
#include "media/frame.h"

namespace camweave {

struct CapturedFrame {
  Frame frame;                      // its sequence is the camera's rising count already
  UnixMicroseconds capture_wall{};  // the moment of capture on the wall clock
  int source_fps_milli = 0;         // the mode's nominal rate; 0: unknown
  // Of a picture that the runtime decoded: what the camera gave. Who takes that as it is leaves the picture alone.
  std::optional<PixelFormat> decoded_from;

  PixelFormat source_format() const { return decoded_from.value_or(frame.format); }
};

// Most of its packets can't be read without those before them.
inline bool is_inter_coded(PixelFormat format) { return format == PixelFormat::h264 || format == PixelFormat::h265; }

}  // namespace camweave
