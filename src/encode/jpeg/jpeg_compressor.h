// JpegCompressor: planes to a baseline JPEG without JFIF or EXIF segments (the worker puts EXIF in), by libjpeg-turbo's
// raw interface. Keeps its memory. Thread-bound.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "encode/picture/picture_planes.h"

namespace camweave {

class JpegCompressor {
 public:
  explicit JpegCompressor(int quality);  // 1 to 100
  ~JpegCompressor();
  JpegCompressor(const JpegCompressor&) = delete;
  JpegCompressor& operator=(const JpegCompressor&) = delete;

  // Full-range I420 or grey. Gives the bytes written to `out`, always fewer than its size; `exhausted` when it does not fit.
  Result<size_t> compress(const PicturePlanes& planes, std::span<std::byte> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace camweave
