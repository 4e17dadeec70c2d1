// Frame: a lease on one captured buffer, raw or already compressed by the camera. Worker side only.
// Move-only; letting go of the last reference gives the buffer back to the driver (`release` runs then, on whichever
// thread that happens, so it must be thread-safe and short).
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/clock.h"
#include "media/metadata.h"
#include "media/video_format.h"

namespace camweave {

struct Plane {
  const std::byte* data = nullptr;
  size_t stride_bytes = 0;  // from one row to the next; 0 for compressed data
  size_t size_bytes = 0;
};

struct Frame {
  PixelFormat format = PixelFormat::yuyv;
  Size size{};
  std::array<Plane, 3> planes{};   // compressed formats use planes[0] alone
  uint64_t sequence = 0;           // the camera's own count: a gap means frames lost before us
  Timestamp capture_time{};        // start of exposure where known
  FrameMetadata metadata;
  bool full_range = true;          // YUV and grey formats: levels 0 to 255, as JPEG has them; false: 16 to 235 (video)
  bool keyframe = true;            // H.264, H.265: can be decoded without earlier ones
  std::shared_ptr<const void> buffer;  // keeps the planes' memory; its deleter gives the buffer back

  std::span<const std::byte> bytes() const { return {planes[0].data, planes[0].size_bytes}; }
};

}  // namespace camweave
