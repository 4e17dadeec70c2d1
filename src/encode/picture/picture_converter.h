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

// `rows` rows of a packed 4:2:2 frame from an even `first_row` on, as 4:2:0. Pure.
void unpack_rows(const Frame& frame, int first_row, int rows, uint8_t* y, int y_stride, uint8_t* u, uint8_t* v,
                 int chroma_stride);

class PictureConverter {
 public:
  // `wanted` and `rotation` as in Rendition.
  PictureConverter(Size wanted, int rotation) : wanted_(wanted), rotation_(rotation) {}

  // Valid until the next call, and not longer than the frame. `invalid_argument`: the frame is damaged or too short;
  // `unsupported`: no converter for its format.
  Result<PicturePlanes> convert(const Frame& frame);

  // Whether convert() would do nothing to this frame but take its packed YUV apart: then unpack_rows() can do that for
  // a few rows at a time, while they are in the cache. False also for damaged frames.
  bool only_unpacks(const Frame& frame) const;

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
