// Raster: a picture being drawn, in one of the raw formats that the pattern camera gives. Colours come by number from a
// table that holds each one ready in the format's own terms. Thread-bound.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "capture/pattern/scene.h"
#include "media/frame.h"

namespace camweave::pattern {

struct Rect {
  int x = 0, y = 0, width = 0, height = 0;
};

// Grown to even coordinates and cut to the picture, so that it covers whole chroma samples.
Rect even_rect(Rect rect, Size picture);

// Colours of a frame: 256 of the scene, then those of what moves before it.
class ColourTable {
 public:
  static constexpr size_t object = 256, bright_dot = 257, dim_dot = 258, black = 259;
  static constexpr size_t count = 260;

  void set(size_t number, Rgb colour);
  struct Entry {
    uint8_t y, u, v, r, g, b;
  };
  const Entry& operator[](size_t number) const { return entries_[number]; }

 private:
  std::array<Entry, count> entries_{};
};

class Raster {
 public:
  // YUYV, NV12, I420, GREY or Bayer RGGB; even sizes.
  Raster(PixelFormat format, Size size);

  PixelFormat format() const { return format_; }
  Size size() const { return size_; }

  // The scene within an even rect.
  void paint(const Scene& scene, const ColourTable& colours, uint64_t frame, Rect even);
  // One colour within an even rect.
  void fill(Rect even, const ColourTable::Entry& colour);
  // Brightness alone, where the colour is grey already; any rect within the picture.
  void fill_level(Rect rect, uint8_t level);

  std::array<Plane, 3> planes() const;

 private:
  uint8_t* row(size_t plane, int y) {
    return memory_.data() + planes_[plane].offset + static_cast<size_t>(y) * planes_[plane].stride;
  }
  void put_lines(const ColourTable& colours, const uint8_t* upper, const uint8_t* lower, Rect even, int y);
  void copy_lines(Rect even, int from_y, int to_y);

  struct PlanePlace {
    size_t offset = 0, stride = 0, rows = 0;
  };
  const PixelFormat format_;
  const Size size_;
  std::array<PlanePlace, 3> planes_{};
  std::vector<uint8_t> memory_;
  std::vector<uint8_t> upper_, lower_;
};

}  // namespace camweave::pattern
