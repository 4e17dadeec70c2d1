// PatternOptions: what `pattern:KIND?size=&fps=&format=&quality=` asks for. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "capture/camera.h"
#include "capture/pattern/scene.h"

namespace camweave::pattern {

inline constexpr int most_side = 4096, least_side = 16;
inline constexpr int most_fps_milli = 1'000'000, least_fps_milli = 100;

struct PatternOptions {
  Kind kind = Kind::bars;
  Size size{1280, 720};
  int fps_milli = 30'000;
  PixelFormat format = PixelFormat::yuyv;
  int quality = default_jpeg_quality;  // of format=MJPEG
  std::string note;                    // what was adjusted and why; "" for nothing
};

// The URI's own options win over the configured size and rate.
Result<PatternOptions> parse_options(const CameraRequest& request);

}  // namespace camweave::pattern
