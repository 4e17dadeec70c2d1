// JpegDecompressor: a camera's JPEG to planes, already smaller where that is enough (the DCT scales by 1/2, 1/4 and 1/8
// at less than the cost of decoding). Keeps its memory. Thread-bound.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "encode/picture/picture_planes.h"

namespace camweave {

class JpegDecompressor {
 public:
  JpegDecompressor();
  ~JpegDecompressor();
  JpegDecompressor(const JpegDecompressor&) = delete;
  JpegDecompressor& operator=(const JpegDecompressor&) = delete;

  // The picture in YCbCr with the JPEG's own chroma sampling, or grey; the smallest scale that is still at least
  // `least_size` both ways. Valid until the next call. `invalid_argument`: damaged, or of a kind that cameras don't
  // make.
  Result<PicturePlanes> decompress(std::span<const std::byte> jpeg, Size least_size);

  // The size in the header of the JPEG. Same errors.
  Result<Size> read_size(std::span<const std::byte> jpeg);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace camweave
