// PictureStream: what a program writes on its standard output, cut into pictures: JPEG or H.264 in Annex B, whichever
// begins first. Thread-bound; fuzzed. Bounded memory.
#pragma once

#include <functional>
#include <variant>

#include "media/h264/annexb.h"
#include "media/jpeg/splitter.h"

namespace camweave::exec {

struct EncodedPiece {
  std::span<const std::byte> bytes;
  bool is_jpeg = true;
  bool keyframe = true;
  Size size{};  // H.264 only
  bool may_reorder = false;
};

class PictureStream {
 public:
  using Pieces = std::function<void(const EncodedPiece&)>;
  void push(std::span<const std::byte> bytes, const Pieces& pieces);

  bool recognised() const { return splitter_.index() != 0; }
  // Bytes that belong to no whole picture, so far.
  uint64_t skipped_bytes() const;
  uint64_t torn_pictures() const;

 private:
  void recognise();
  void split(std::span<const std::byte> bytes, const Pieces& pieces);

  std::vector<std::byte> unknown_;  // nothing recognised in it yet; short
  uint64_t skipped_before_ = 0;
  std::variant<std::monostate, jpeg::Splitter, h264::AnnexBSplitter> splitter_;
};

}  // namespace camweave::exec
