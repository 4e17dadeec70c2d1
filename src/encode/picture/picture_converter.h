// PictureConverter: any frame to what encoders take: full-range I420 (or grey) in the rendition's size and rotation.
// Copies no plane that is right already, decodes and demosaics at the smallest sufficient scale, and keeps all its
// memory. Thread-bound.
#pragma once

#include "base/result.h"
#include "encode/picture/bayer.h"
#include "encode/picture/jpeg_decompressor.h"
#include "encode/picture/picture_planes.h"
#include "media/frame.h"

namespace camweave {

class PictureConverter {
 public:
  // `wanted` and `rotation` as in Rendition.
  PictureConverter(Size wanted, int rotation) : wanted_(wanted), rotation_(rotation) {}

  // Valid until the next call, and not longer than the frame. `invalid_argument`: the frame is damaged or too short;
  // `unsupported`: no converter for its format.
  Result<PicturePlanes> convert(const Frame& frame);

 private:
  Result<PicturePlanes> planes_of(const Frame& frame, Size target);
  PicturePlanes bayer_planes(const Frame& frame, Size target);
  PicturePlanes nv12_planes(const Frame& frame);
  PicturePlanes converted(const Frame& frame);
  PicturePlanes scale(const PicturePlanes& planes, Size target);
  PicturePlanes expand(const PicturePlanes& planes);
  PicturePlanes rotate(const PicturePlanes& planes);

  // Constant after construction.
  const Size wanted_;
  const int rotation_;

  JpegDecompressor decompressor_;
  BayerConverter bayer_;
  PlanesBuffer converted_, scaled_, expanded_, rotated_;
};

}  // namespace camweave
