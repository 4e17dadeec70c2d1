#include "media/jpeg/splitter.h"

#include <algorithm>
#include <cstring>

namespace camweave::jpeg {
namespace {

// More than any encoder writes; bounds the work that a crafted stream can cause each time a start turns out false.
constexpr unsigned max_segments = 512;

enum Marker : uint8_t { rst0 = 0xd0, rst7 = 0xd7, soi = 0xd8, eoi = 0xd9, sos = 0xda, first_marker = 0xc0 };

}  // namespace

void Splitter::push(std::span<const std::byte> bytes, const Picture& picture) {
  if (begin_ > 0) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
    at_ -= begin_;
    begin_ = 0;
  }
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  while (step(picture)) {
  }
  if (place_ != Place::before && bytes_.size() - begin_ > max_picture_bytes_) break_off(bytes_.size());
}

bool Splitter::step(const Picture& picture) {
  switch (place_) {
    case Place::before:
      return find_start();
    case Place::segments:
      return read_segment(picture);
    case Place::scan:
      return read_scan(picture);
  }
  return false;
}

bool Splitter::find_start() {
  constexpr std::byte start[] = {std::byte{0xff}, std::byte{soi}, std::byte{0xff}};
  const auto found = std::search(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_), bytes_.end(), std::begin(start),
                                 std::end(start));
  if (found == bytes_.end()) {
    // Its first two bytes may have come already.
    const size_t keep = std::min<size_t>(2, bytes_.size() - begin_);
    drop_before(bytes_.size() - keep);
    return false;
  }
  drop_before(static_cast<size_t>(found - bytes_.begin()));
  at_ = begin_ + 2;
  place_ = Place::segments;
  seen_scan_ = false;
  segments_ = 0;
  return true;
}

bool Splitter::read_segment(const Picture& picture) {
  if (at_ + 2 > bytes_.size()) return false;
  if (bytes_[at_] != std::byte{0xff}) return break_off(seen_scan_ ? at_ : begin_ + 2);
  const auto marker = std::to_integer<uint8_t>(bytes_[at_ + 1]);
  if (marker == 0xff) {  // fill byte
    ++at_;
    return true;
  }
  if (marker == eoi && seen_scan_) return finish(picture);
  if (marker == soi) return break_off(at_);
  if (marker < first_marker || marker == eoi || (marker >= rst0 && marker <= rst7) || ++segments_ > max_segments) {
    return break_off(seen_scan_ ? at_ + 2 : begin_ + 2);
  }
  if (at_ + 4 > bytes_.size()) {
    --segments_;  // comes by here again
    return false;
  }
  const size_t length = std::to_integer<size_t>(bytes_[at_ + 2]) << 8 | std::to_integer<size_t>(bytes_[at_ + 3]);
  // A scan's header has one to four components; anything else is the middle of a picture whose rest is lost.
  const bool possible = marker == sos ? length >= 8 && length <= 14 : length >= 2;
  if (!possible) return break_off(seen_scan_ ? at_ + 2 : begin_ + 2);
  at_ += 2 + length;  // may lie behind what has come
  if (marker == sos) {
    place_ = Place::scan;
    seen_scan_ = true;
  }
  return true;
}

bool Splitter::read_scan(const Picture& picture) {
  while (at_ < bytes_.size()) {
    const void* found = std::memchr(bytes_.data() + at_, 0xff, bytes_.size() - at_);
    if (!found) {
      at_ = bytes_.size();
      return false;
    }
    at_ = static_cast<size_t>(static_cast<const std::byte*>(found) - bytes_.data());
    if (at_ + 1 == bytes_.size()) return false;
    const auto marker = std::to_integer<uint8_t>(bytes_[at_ + 1]);
    if (marker == eoi) return finish(picture);
    if (marker == soi) return break_off(at_);
    if (marker == 0xff) {
      at_ += 1;
    } else if (marker == 0 || (marker >= rst0 && marker <= rst7)) {
      at_ += 2;
    } else {  // another scan's segments
      place_ = Place::segments;
      return true;
    }
  }
  return false;
}

bool Splitter::finish(const Picture& picture) {
  const size_t size = at_ + 2 - begin_;
  if (size > max_picture_bytes_) return break_off(at_ + 2);
  const auto whole = std::span<const std::byte>(bytes_).subspan(begin_, size);
  begin_ = at_ = at_ + 2;
  place_ = Place::before;
  picture(whole);
  return true;
}

bool Splitter::break_off(size_t resume_at) {
  ++torn_pictures_;
  place_ = Place::before;
  drop_before(std::min(resume_at, bytes_.size()));
  return true;
}

void Splitter::drop_before(size_t at) {
  skipped_bytes_ += at - begin_;
  begin_ = at_ = at;
}

}  // namespace camweave::jpeg
