// Painter: draws the frames of a pattern: the scene as the sensor sees it, what moves before it, the frame's number and
// time in digits and in blocks. A buffer that comes back is redrawn only where something moved. Thread-bound.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "capture/pattern/raster.h"
#include "capture/pattern/scene.h"
#include "capture/pattern/sensor.h"
#include "capture/pattern/time_code.h"

namespace camweave::pattern {

// A raster and what was drawn on it last.
struct Canvas {
  Canvas(PixelFormat format, Size size) : raster(format, size) {}
  Raster raster;
  uint64_t look = 0;            // the painter's look that its scene was painted in; 0: never painted
  std::vector<Rect> moved;      // where something stands that will stand elsewhere next
  std::vector<std::byte> jpeg;  // the picture compressed, where the camera gives MJPEG
};

struct FrameMoment {
  uint64_t sequence = 0;
  UnixMicroseconds capture_wall{};
  std::chrono::nanoseconds since_start{};
};

class Painter {
 public:
  explicit Painter(Size size) : size_(size), scene_(Kind::bars, size, false, false) {}

  void draw(Canvas& canvas, const Scene& scene, const Sensor& sensor, const FrameMoment& moment);

 private:
  void update_look(const Scene& scene, const Sensor& sensor);
  void paint_scene(Canvas& canvas, const Scene& scene, uint64_t frame);
  void draw_object(Canvas& canvas, const FrameMoment& moment);
  void draw_dial(Canvas& canvas, const FrameMoment& moment);
  void draw_texts(Canvas& canvas, const Scene& scene, const FrameMoment& moment);
  void draw_code(Canvas& canvas, const FrameMoment& moment);
  void draw_text(Canvas& canvas, std::string_view text, int x, int y, int scale);
  void cover(Canvas& canvas, Rect rect, size_t colour);

  const Size size_;
  ColourTable colours_;
  Scene scene_;
  uint64_t sensor_state_ = 0;
  uint64_t look_ = 0;
};

}  // namespace camweave::pattern
