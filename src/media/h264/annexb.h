// AnnexBSplitter: cuts an H.264 byte stream with start codes into access units (ITU-T H.264, 7.4.1.2.3 and annex B),
// torn at any place. An access unit is known to be whole when the next one begins, so it comes one picture late.
// Thread-bound; fuzzed.
//
// A picture begins with the delimiter, parameter sets or SEI before it, or with a slice whose first_mb_in_slice is 0;
// the two fields of an interlaced picture are two units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "media/h264/sps.h"

namespace camweave::h264 {

struct AccessUnit {
  std::span<const std::byte> bytes;  // Annex B, start codes included
  bool keyframe = false;             // an IDR picture
  Size size{};                       // of the newest parameter set; 0×0 before the first
  bool may_reorder = true;           // by the newest parameter set
};

class AnnexBSplitter {
 public:
  static constexpr size_t default_max_unit_bytes = size_t{32} << 20;

  explicit AnnexBSplitter(size_t max_unit_bytes = default_max_unit_bytes) : max_unit_bytes_(max_unit_bytes) {}

  // Called with each whole access unit; its bytes are valid during the call.
  using Unit = std::function<void(const AccessUnit&)>;
  void push(std::span<const std::byte> bytes, const Unit& unit);
  // The stream has ended: gives the last unit.
  void flush(const Unit& unit);

  uint64_t skipped_bytes() const { return skipped_bytes_; }  // before the first start code, and units over the bound

 private:
  void start_code(size_t at, size_t header_at, const Unit& unit);
  void end_nal(size_t end);
  void emit(size_t end, const Unit& unit);
  bool begins_unit(size_t header_at) const;

  size_t max_unit_bytes_;
  std::vector<std::byte> bytes_;
  size_t begin_ = 0;   // of the unit being gathered
  size_t search_ = 0;  // start codes are found up to here
  size_t nal_ = 0;     // header byte of the newest NAL unit
  bool in_nal_ = false;
  bool has_slice_ = false;
  bool keyframe_ = false;
  bool oversized_ = false;  // its first part is gone: the rest goes, too
  SequenceParameters parameters_;
  uint64_t skipped_bytes_ = 0;
};

}  // namespace camweave::h264
