// A frame of one H.264 or H.265 access unit (Annex B), with a copy of its bytes.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "media/frame.h"

namespace camweave {

// `sequence` and metadata are the caller's to fill in.
inline Frame make_coded_frame(PixelFormat format, std::span<const std::byte> access_unit, Size size, bool keyframe,
                              Timestamp capture_time) {
  auto memory = std::make_shared<std::vector<std::byte>>(access_unit.begin(), access_unit.end());
  Frame frame;
  frame.format = format;
  frame.size = size;
  frame.planes[0] = {memory->data(), 0, memory->size()};
  frame.keyframe = keyframe;
  frame.capture_time = capture_time;
  frame.buffer = std::move(memory);
  return frame;
}

}  // namespace camweave
