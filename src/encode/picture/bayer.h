// Bayer mosaics to full-range I420. Pure kernels; rows go through line buffers that the caller keeps.
#pragma once

#include <vector>

#include "encode/picture/picture_planes.h"

namespace camweave {

struct BayerSource {
  const uint8_t* data = nullptr;
  int stride = 0;
  Size size{};
  // Where red lies in each 2×2 group.
  int red_x = 0, red_y = 0;
};

// Where red lies in a mosaic of this format.
BayerSource bayer_source(PixelFormat format, const uint8_t* data, int stride, Size size);

// Line buffers, kept from frame to frame.
class BayerConverter {
 public:
  // Half the size both ways: each 2×2 group becomes one pixel, which needs no interpolation. `out` is sized here.
  void to_half_i420(const BayerSource& source, PlanesBuffer& out);
  // The full size, the missing colours interpolated between their neighbours.
  void to_i420(const BayerSource& source, PlanesBuffer& out);

 private:
  struct RgbLine {
    std::vector<uint8_t> r, g, b;
    void resize(int width);
  };
  void superpixel_line(const BayerSource& source, int line, RgbLine& out) const;
  void demosaic_line(const BayerSource& source, int y, RgbLine& out);
  void load_padded(const BayerSource& source, int y, std::vector<uint8_t>& line) const;
  template <typename MakeLine>
  void convert(Size size, PlanesBuffer& out, MakeLine make_line);

  RgbLine upper_, lower_, mean_;
  std::vector<uint8_t> above_, here_, below_;
};

}  // namespace camweave
