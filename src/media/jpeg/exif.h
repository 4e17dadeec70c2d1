// The EXIF segment that every JPEG carries (interfaces section 12; CIPA DC-008, Exif 2.32): a template made once for each
// camera, whose numbers are patched for each frame in about a microsecond. Pure but for the writer's own buffer.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "media/jpeg/header.h"
#include "media/metadata.h"

namespace camweave::jpeg {

struct ExifFields {
  UnixMicroseconds capture_wall{};
  std::chrono::minutes utc_offset{};  // DateTimeOriginal is local time
  uint64_t sequence = 0;              // ImageNumber: its low 32 bits
  FrameMetadata metadata;             // 0: the field is left out
};

// Thread-bound. The segment's length never changes: unknown fields keep their room under a tag that readers skip.
class ExifWriter {
 public:
  // Texts are cut to 63 bytes and to printable ASCII; empty ones leave the field out.
  ExifWriter(std::string_view make, std::string_view model, std::string_view serial);

  // The APP1 segment, marker included, to stand right behind SOI. Valid until the next call.
  std::span<const std::byte> app1(const ExifFields& fields);
  size_t size_bytes() const { return segment_.size(); }

 private:
  void patch_text(size_t offset, std::string_view text);
  void patch_u32(size_t offset, uint32_t value);
  void patch_u16(size_t offset, uint16_t value);
  void patch_entry(size_t entry, uint16_t tag, bool known);

  std::vector<std::byte> segment_;
  // Places in segment_.
  size_t date_time_ = 0, sub_seconds_ = 0, offset_time_ = 0, image_number_ = 0;
  size_t exposure_entry_ = 0, exposure_value_ = 0, iso_entry_ = 0;
  int64_t day_second_ = -1;  // the second that date_time_ shows, local
};

}  // namespace camweave::jpeg
