#include "media/h264/annexb.h"

#include <algorithm>
#include <cstring>

namespace camweave::h264 {
namespace {

// The header byte and the one behind it say what a NAL unit begins.
constexpr size_t lookahead_bytes = 2;

bool is_slice(NalType type) {
  return type == NalType::slice || type == NalType::idr || static_cast<uint8_t>(type) == 2;
}

}  // namespace

void AnnexBSplitter::push(std::span<const std::byte> bytes, const Unit& unit) {
  if (begin_ > 0) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
    search_ -= begin_;
    nal_ -= std::min(nal_, begin_);
    begin_ = 0;
  }
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  while (search_ + 3 + lookahead_bytes <= bytes_.size()) {
    const void* one = std::memchr(bytes_.data() + search_ + 2, 1, bytes_.size() - lookahead_bytes - search_ - 2);
    if (!one) {
      search_ = bytes_.size() - lookahead_bytes - 2;
      break;
    }
    const auto at = static_cast<size_t>(static_cast<const std::byte*>(one) - bytes_.data());
    if (bytes_[at - 1] == std::byte{0} && bytes_[at - 2] == std::byte{0}) start_code(at - 2, at + 1, unit);
    search_ = at - 1;
  }
  if (!in_nal_ && search_ > begin_ + 1) {  // nothing of a unit yet; but the zero before a start code belongs to it
    skipped_bytes_ += search_ - 1 - begin_;
    begin_ = search_ - 1;
  }
  if (bytes_.size() - begin_ > max_unit_bytes_) {
    skipped_bytes_ += search_ - begin_;
    begin_ = search_;
    oversized_ = true;
  }
}

void AnnexBSplitter::flush(const Unit& unit) {
  if (in_nal_) {
    end_nal(bytes_.size());
    emit(bytes_.size(), unit);
  }
  skipped_bytes_ += bytes_.size() - begin_;
  bytes_.clear();
  begin_ = search_ = nal_ = 0;
  in_nal_ = has_slice_ = keyframe_ = oversized_ = false;
}

// `at`: the start code's first zero; `header_at`: of the NAL unit that it begins.
void AnnexBSplitter::start_code(size_t at, size_t header_at, const Unit& unit) {
  // The four-byte form's first zero belongs to the unit that begins.
  const size_t begin = at > begin_ && bytes_[at - 1] == std::byte{0} ? at - 1 : at;
  if (in_nal_) {
    end_nal(begin);
    if (has_slice_ && begins_unit(header_at)) emit(begin, unit);
  } else {
    skipped_bytes_ += begin - begin_;
    begin_ = begin;
  }
  const NalType type = nal_type(bytes_[header_at]);
  in_nal_ = true;
  nal_ = header_at;
  has_slice_ = has_slice_ || is_slice(type);
  keyframe_ = keyframe_ || type == NalType::idr;
}

bool AnnexBSplitter::begins_unit(size_t header_at) const {
  const auto type = static_cast<uint8_t>(nal_type(bytes_[header_at]));
  // first_mb_in_slice is the slice's first Exp-Golomb number: a leading one bit is 0.
  if (is_slice(NalType{type})) return (bytes_[header_at + 1] & std::byte{0x80}) != std::byte{0};
  return (type >= 6 && type <= 9) || (type >= 14 && type <= 18);
}

void AnnexBSplitter::end_nal(size_t end) {
  if (nal_ >= end || nal_type(bytes_[nal_]) != NalType::sps) return;
  if (const auto parameters = parse_sps(std::span(bytes_).subspan(nal_, end - nal_))) parameters_ = *parameters;
}

void AnnexBSplitter::emit(size_t end, const Unit& unit) {
  const size_t length = end - begin_;
  if (oversized_ || length > max_unit_bytes_) {
    skipped_bytes_ += length;
  } else {
    unit(AccessUnit{std::span<const std::byte>(bytes_).subspan(begin_, length), keyframe_, parameters_.size,
                    parameters_.may_reorder});
  }
  begin_ = end;
  has_slice_ = keyframe_ = oversized_ = false;
}

}  // namespace camweave::h264
