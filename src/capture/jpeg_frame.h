// make_jpeg_frame: a picture that a camera sent as JPEG, as a Frame; the standard Huffman tables are put in where the
// camera left them out. Any thread.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "media/frame.h"

namespace camweave {

// Fails with `protocol` for what can't be decoded: a damaged header.
Result<Frame> make_jpeg_frame(std::span<const std::byte> jpeg, uint64_t sequence, Timestamp capture_time);
// The same without a copy: `jpeg` lies in `owner`, which the frame keeps.
Result<Frame> make_jpeg_frame(std::span<const std::byte> jpeg, std::shared_ptr<const void> owner);

}  // namespace camweave
