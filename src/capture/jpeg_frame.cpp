#include "capture/jpeg_frame.h"

#include <vector>

#include "media/jpeg/header.h"
#include "media/jpeg/huffman.h"

namespace camweave {

Result<Frame> make_jpeg_frame(std::span<const std::byte> jpeg, uint64_t sequence, Timestamp capture_time) {
  const auto header = jpeg::scan_header(jpeg);
  if (!header) return header.error();
  auto memory = std::make_shared<std::vector<std::byte>>(header->has_huffman_tables
                                                             ? std::vector<std::byte>(jpeg.begin(), jpeg.end())
                                                             : jpeg::with_huffman_tables(jpeg, *header));
  Frame frame;
  frame.format = PixelFormat::jpeg;
  frame.size = header->size;
  frame.planes[0] = {memory->data(), 0, memory->size()};
  frame.sequence = sequence;
  frame.capture_time = capture_time;
  frame.buffer = std::move(memory);
  return frame;
}

}  // namespace camweave
