// JpegCompressor: planes to a baseline JPEG without JFIF or EXIF segments (the worker puts EXIF in), by libjpeg-turbo's
// raw interface. Keeps its memory. Thread-bound.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "encode/picture/picture_planes.h"

namespace camweave {

// Where a StripFill writes `rows` rows of luma, from `first_row` on, and half as many of chroma.
struct Strip {
  int first_row = 0;
  int rows = 0;  // 16, or less at the picture's end
  uint8_t *y = nullptr, *u = nullptr, *v = nullptr;
  int y_stride = 0, chroma_stride = 0;
};
using StripFill = std::function<void(const Strip& strip)>;

class JpegCompressor {
 public:
  explicit JpegCompressor(int quality);  // 1 to 100
  ~JpegCompressor();
  JpegCompressor(const JpegCompressor&) = delete;
  JpegCompressor& operator=(const JpegCompressor&) = delete;

  // Full-range I420 or grey. Gives the bytes written to `out`, always fewer than its size; `exhausted` when it does not
  // fit.
  Result<size_t> compress(const PicturePlanes& planes, std::span<std::byte> out);

  // The same for a picture that isn't in planes: `fill` is asked for one row of blocks after another, from the top, so
  // that a format is converted in the cache.
  Result<size_t> compress(Size size, const StripFill& fill, std::span<std::byte> out);

 private:
  struct State;
  Result<size_t> run(Size size, bool grey, std::span<std::byte> out);
  std::unique_ptr<State> state_;
};

}  // namespace camweave
