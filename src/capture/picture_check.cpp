#include "capture/picture_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/jpeg/header.h"
#include "media/jpeg/huffman.h"

namespace camweave {
namespace {

size_t rows_bytes(const Plane& plane, int rows, size_t row_bytes) {
  return plane.stride_bytes * static_cast<size_t>(rows - 1) + row_bytes;
}

// Bytes that the last row of the first plane needs.
size_t first_row_bytes(PixelFormat format, int width) {
  const auto pixels = static_cast<size_t>(width);
  switch (format) {
    case PixelFormat::yuyv:
    case PixelFormat::uyvy: return pixels * 2;
    case PixelFormat::rgb24:
    case PixelFormat::bgr24: return pixels * 3;
    default: return pixels;
  }
}

}  // namespace

Result<void> PictureCheck::complete(Frame& frame) {
  empty_wake_ups_ = 0;
  if (frame.format == PixelFormat::jpeg) return complete_jpeg(frame);
  if (is_compressed(frame.format)) return complete_inter_coded(frame);
  return complete_raw(frame);
}

Result<void> PictureCheck::complete_raw(const Frame& frame) {
  const auto check = [&](size_t plane, int rows, size_t row_bytes) -> Result<void> {
    const size_t needed = rows_bytes(frame.planes[plane], rows, row_bytes);
    if (frame.planes[plane].size_bytes >= needed) return {};
    return Error{ErrorCode::protocol, fmt::format("a short frame: {} of {} bytes", frame.planes[plane].size_bytes, needed)};
  };
  const auto [width, height] = frame.size;
  if (auto first = check(0, height, first_row_bytes(frame.format, width)); !first) return first;
  const int chroma_rows = (height + 1) / 2;
  const auto chroma_pixels = static_cast<size_t>((width + 1) / 2);
  if (frame.format == PixelFormat::nv12) return check(1, chroma_rows, chroma_pixels * 2);
  if (frame.format != PixelFormat::i420) return {};
  if (auto second = check(1, chroma_rows, chroma_pixels); !second) return second;
  return check(2, chroma_rows, chroma_pixels);
}

Result<void> PictureCheck::complete_jpeg(Frame& frame) {
  auto bytes = frame.bytes();
  // Some cameras pad behind EOI, to a USB packet's or a buffer's end.
  size_t end = bytes.size();
  while (end >= 4 && !(bytes[end - 2] == std::byte{0xff} && bytes[end - 1] == std::byte{0xd9})) --end;
  if (end < 4 || bytes[0] != std::byte{0xff} || bytes[1] != std::byte{0xd8}) {
    return Error{ErrorCode::protocol, fmt::format("a torn JPEG of {} bytes", bytes.size())};
  }
  frame.planes[0].size_bytes = end;
  const auto header = jpeg::scan_header(frame.bytes());
  if (!header) return header.error();
  if (header->has_huffman_tables) return {};
  auto mended = std::make_shared<std::vector<std::byte>>(jpeg::with_huffman_tables(frame.bytes(), *header));
  frame.planes[0] = {mended->data(), 0, mended->size()};
  frame.buffer = mended;
  return {};
}

Result<void> PictureCheck::complete_inter_coded(Frame& frame) {
  const auto bytes = frame.bytes();
  if (bytes.empty()) return Error{ErrorCode::protocol, "an empty frame"};
  const auto first = std::ranges::find_if(bytes, [](std::byte byte) { return byte != std::byte{0}; });
  if (first == bytes.end() || *first != std::byte{1} || first - bytes.begin() < 2) {
    return Error{ErrorCode::protocol, fmt::format("a torn frame of {} bytes: it begins without a start code", bytes.size())};
  }
  const Codec codec = frame.format == PixelFormat::h264 ? Codec::h264 : Codec::h265;
  if (auto mended = parameter_sets_.put_before_keyframe(codec, bytes)) {
    auto memory = std::make_shared<std::vector<std::byte>>(*std::move(mended));
    frame.planes[0] = {memory->data(), 0, memory->size()};
    frame.buffer = std::move(memory);
  }
  return {};
}

Result<void> PictureCheck::note_empty_wake_up(const std::string& device) {
  constexpr int most_empty_wake_ups = 50;
  if (++empty_wake_ups_ < most_empty_wake_ups) return {};
  empty_wake_ups_ = 0;
  return Error{ErrorCode::io, device + ": the device reports errors instead of frames (USB cable, hub or bandwidth?)"};
}

}  // namespace camweave
