// Splitter: finds the JPEG pictures in a byte stream (a program's output, a socket), torn at any place and with
// anything in between. Follows the marker segments, so that a thumbnail inside one doesn't end the picture.
// Thread-bound; fuzzed. Holds at most `max_picture_bytes` and what one push() brings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace camweave::jpeg {

class Splitter {
 public:
  static constexpr size_t default_max_picture_bytes = size_t{32} << 20;

  explicit Splitter(size_t max_picture_bytes = default_max_picture_bytes) : max_picture_bytes_(max_picture_bytes) {}

  // Called with each whole picture, SOI to EOI; the bytes are valid during the call.
  using Picture = std::function<void(std::span<const std::byte>)>;
  void push(std::span<const std::byte> bytes, const Picture& picture);

  uint64_t skipped_bytes() const { return skipped_bytes_; }  // belonged to no whole picture
  uint64_t torn_pictures() const { return torn_pictures_; }  // began and broke off, or were too large

 private:
  enum class Place { before, segments, scan };

  bool step(const Picture& picture);  // false: more bytes are needed
  bool find_start();
  bool read_segment(const Picture& picture);
  bool read_scan(const Picture& picture);
  bool finish(const Picture& picture);
  bool break_off(size_t resume_at);
  void drop_before(size_t at);

  size_t max_picture_bytes_;
  std::vector<std::byte> bytes_;
  size_t begin_ = 0;  // in bytes_: of the picture, or of what is not looked at yet
  size_t at_ = 0;     // in bytes_: next to look at
  Place place_ = Place::before;
  bool seen_scan_ = false;
  unsigned segments_ = 0;  // before the first scan
  uint64_t skipped_bytes_ = 0;
  uint64_t torn_pictures_ = 0;
};

}  // namespace camweave::jpeg
