#include "capture/exec/picture_stream.h"

#include <algorithm>
#include <array>

namespace camweave::exec {
namespace {

// A start needs this many bytes to be told from noise.
constexpr size_t start_bytes = 5;

uint8_t value(std::byte byte) { return std::to_integer<uint8_t>(byte); }

// Start of image and a marker that may follow it: tables, frame headers, APPn, comment.
bool is_jpeg_start(const std::byte* at) {
  const uint8_t marker = value(at[3]);
  return value(at[0]) == 0xff && value(at[1]) == 0xd8 && value(at[2]) == 0xff &&
         (marker == 0xdb || marker == 0xdd || marker == 0xfe || (marker >= 0xc0 && marker <= 0xcf) ||
          (marker >= 0xe0 && marker <= 0xef));
}

// A start code and a sequence parameter set of a profile that exists.
bool is_h264_start(const std::byte* at) {
  constexpr std::array<uint8_t, 10> profiles{66, 77, 88, 100, 110, 122, 244, 44, 118, 128};
  const uint8_t header = value(at[3]);
  return value(at[0]) == 0 && value(at[1]) == 0 && value(at[2]) == 1 && (header & 0x9f) == 7 && (header & 0x60) != 0 &&
         std::ranges::find(profiles, value(at[4])) != profiles.end();
}

}  // namespace

void PictureStream::push(std::span<const std::byte> bytes, const Pieces& pieces) {
  if (recognised()) return split(bytes, pieces);
  unknown_.insert(unknown_.end(), bytes.begin(), bytes.end());
  recognise();
  if (!recognised()) return;
  const std::vector<std::byte> begun = std::move(unknown_);
  unknown_ = {};
  split(begun, pieces);
}

void PictureStream::recognise() {
  size_t at = 0;
  for (; at + start_bytes <= unknown_.size(); ++at) {
    if (is_jpeg_start(&unknown_[at])) {
      splitter_.emplace<jpeg::Splitter>();
      break;
    }
    if (is_h264_start(&unknown_[at])) {
      splitter_.emplace<h264::AnnexBSplitter>();
      break;
    }
  }
  // The zero before a start code belongs to it.
  if (at > 0 && unknown_[at - 1] == std::byte{0}) --at;
  unknown_.erase(unknown_.begin(), unknown_.begin() + static_cast<std::ptrdiff_t>(at));
  skipped_before_ += at;
}

void PictureStream::split(std::span<const std::byte> bytes, const Pieces& pieces) {
  if (auto* jpegs = std::get_if<jpeg::Splitter>(&splitter_)) {
    jpegs->push(bytes, [&](std::span<const std::byte> picture) { pieces(EncodedPiece{picture}); });
  } else if (auto* units = std::get_if<h264::AnnexBSplitter>(&splitter_)) {
    units->push(bytes, [&](const h264::AccessUnit& unit) {
      pieces(EncodedPiece{unit.bytes, false, unit.keyframe, unit.size, unit.may_reorder});
    });
  }
}

uint64_t PictureStream::skipped_bytes() const {
  if (const auto* jpegs = std::get_if<jpeg::Splitter>(&splitter_)) return skipped_before_ + jpegs->skipped_bytes();
  if (const auto* units = std::get_if<h264::AnnexBSplitter>(&splitter_))
    return skipped_before_ + units->skipped_bytes();
  return skipped_before_;
}

uint64_t PictureStream::torn_pictures() const {
  const auto* jpegs = std::get_if<jpeg::Splitter>(&splitter_);
  return jpegs ? jpegs->torn_pictures() : 0;
}

}  // namespace camweave::exec
