#include "capture/jpeg_frame.h"

#include <vector>

#include "media/jpeg/header.h"
#include "media/jpeg/huffman.h"

namespace camweave {

namespace {

Frame frame_of(std::span<const std::byte> jpeg, Size size, std::shared_ptr<const void> owner) {
  Frame frame;
  frame.format = PixelFormat::jpeg;
  frame.size = size;
  frame.planes[0] = {jpeg.data(), 0, jpeg.size()};
  frame.buffer = std::move(owner);
  return frame;
}

}  // namespace

Result<Frame> make_jpeg_frame(std::span<const std::byte> jpeg, uint64_t sequence, Timestamp capture_time) {
  auto copy = std::make_shared<std::vector<std::byte>>(jpeg.begin(), jpeg.end());
  const std::span<const std::byte> bytes = *copy;
  auto frame = make_jpeg_frame(bytes, std::move(copy));
  if (!frame) return frame;
  frame->sequence = sequence;
  frame->capture_time = capture_time;
  return frame;
}

Result<Frame> make_jpeg_frame(std::span<const std::byte> jpeg, std::shared_ptr<const void> owner) {
  const auto header = jpeg::scan_header(jpeg);
  if (!header) return header.error();
  if (header->has_huffman_tables) return frame_of(jpeg, header->size, std::move(owner));
  auto completed = std::make_shared<std::vector<std::byte>>(jpeg::with_huffman_tables(jpeg, *header));
  const std::span<const std::byte> bytes = *completed;
  return frame_of(bytes, header->size, std::move(completed));
}

}  // namespace camweave
