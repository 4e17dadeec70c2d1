#include "media/h264/sps.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace camweave::h264 {
namespace {

// Bits of a NAL unit without its emulation prevention bytes. Past the end it reads zeros and remembers that.
class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> nal) {
    int zeros = 0;
    for (const std::byte byte : nal) {
      if (zeros >= 2 && byte == std::byte{3}) {
        zeros = 0;
        continue;
      }
      zeros = byte == std::byte{0} ? zeros + 1 : 0;
      bytes_.push_back(byte);
    }
  }
  bool overrun() const { return overrun_; }

  uint32_t bits(unsigned count) {
    uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i) value = value << 1 | bit();
    return value;
  }
  bool flag() { return bit() != 0; }
  void skip(unsigned count) { bits(count); }

  // Exp-Golomb, unsigned.
  uint32_t ue() {
    unsigned zeros = 0;
    while (zeros < 32 && !overrun_ && bit() == 0) ++zeros;
    if (zeros >= 32 || overrun_) {
      overrun_ = true;
      return 0;
    }
    return (uint32_t{1} << zeros) - 1 + bits(zeros);
  }
  int32_t se() {
    const uint32_t code = ue();
    const auto half = static_cast<int32_t>((code + uint64_t{1}) / 2);
    return code % 2 ? half : -half;
  }

 private:
  uint32_t bit() {
    if (at_ / 8 >= bytes_.size()) {
      overrun_ = true;
      return 0;
    }
    const uint32_t value = std::to_integer<uint32_t>(bytes_[at_ / 8]) >> (7 - at_ % 8) & 1;
    ++at_;
    return value;
  }

  std::vector<std::byte> bytes_;
  size_t at_ = 0;
  bool overrun_ = false;
};

void skip_scaling_list(BitReader& reader, int entries) {
  int32_t last = 8, next = 8;
  for (int i = 0; i < entries && !reader.overrun(); ++i) {
    if (next != 0) next = (last + reader.se() % 256 + 256) % 256;
    if (next != 0) last = next;
  }
}

bool has_chroma_format(uint32_t profile) {
  constexpr std::array high_profiles{100u, 110u, 122u, 244u, 44u, 83u, 86u, 118u, 128u, 138u, 139u, 134u, 135u};
  return std::ranges::find(high_profiles, profile) != high_profiles.end();
}

// Returns chroma_format_idc, 0 for separate planes.
uint32_t read_chroma_format(BitReader& reader) {
  uint32_t format = reader.ue();
  const int lists = format == 3 ? 12 : 8;
  if (format == 3 && reader.flag()) format = 0;
  reader.ue();  // bit_depth_luma_minus8
  reader.ue();  // bit_depth_chroma_minus8
  reader.skip(1);
  if (reader.flag()) {
    for (int i = 0; i < lists; ++i) {
      if (reader.flag()) skip_scaling_list(reader, i < 6 ? 16 : 64);
    }
  }
  return format;
}

// Returns pic_order_cnt_type: 2 is the order of coding.
uint32_t read_picture_order(BitReader& reader) {
  const uint32_t type = reader.ue();
  if (type == 0) {
    reader.ue();
  } else if (type == 1) {
    reader.skip(1);
    reader.se();
    reader.se();
    const uint32_t cycle = reader.ue();
    for (uint32_t i = 0; i < cycle && i < 256; ++i) reader.se();
  }
  return type;
}

void skip_hrd(BitReader& reader) {
  const uint32_t count = reader.ue();
  reader.skip(8);
  for (uint32_t i = 0; i <= count && i < 32; ++i) {
    reader.ue();
    reader.ue();
    reader.skip(1);
  }
  reader.skip(20);
}

// max_num_reorder_frames of the VUI; none where it doesn't say, or ends early.
std::optional<uint32_t> read_reorder_depth(BitReader& reader) {
  constexpr uint32_t extended_aspect_ratio = 255;
  if (!reader.flag()) return std::nullopt;
  if (reader.flag() && reader.bits(8) == extended_aspect_ratio) reader.skip(32);
  if (reader.flag()) reader.skip(1);  // overscan
  if (reader.flag()) {                // video signal type
    reader.skip(4);
    if (reader.flag()) reader.skip(24);
  }
  if (reader.flag()) {  // chroma location
    reader.ue();
    reader.ue();
  }
  if (reader.flag()) reader.skip(65);  // timing
  bool has_hrd = false;
  for (int i = 0; i < 2; ++i) {
    if (!reader.flag()) continue;
    has_hrd = true;
    skip_hrd(reader);
  }
  if (has_hrd) reader.skip(1);
  reader.skip(1);                           // pic_struct
  if (!reader.flag()) return std::nullopt;  // bitstream restriction
  reader.skip(1);
  for (int i = 0; i < 4; ++i) reader.ue();
  const uint32_t depth = reader.ue();
  return reader.overrun() ? std::nullopt : std::optional(depth);
}

Error broken(const char* what) { return Error{ErrorCode::protocol, std::string("H.264 parameter set: ") + what}; }

}  // namespace

Result<SequenceParameters> parse_sps(std::span<const std::byte> nal) {
  constexpr size_t longest = 4096;
  if (nal.size() < 4 || nal.size() > longest || nal_type(nal[0]) != NalType::sps) return broken("not one");
  BitReader reader(nal.subspan(1));
  const uint32_t profile = reader.bits(8);
  reader.skip(16);  // constraints, level
  reader.ue();      // id
  const uint32_t chroma = has_chroma_format(profile) ? read_chroma_format(reader) : 1;
  reader.ue();  // log2_max_frame_num
  const uint32_t order = read_picture_order(reader);
  reader.ue();  // max_num_ref_frames
  reader.skip(1);
  const uint64_t width_blocks = reader.ue() + uint64_t{1};
  const uint64_t height_units = reader.ue() + uint64_t{1};
  const bool frames_only = reader.flag();
  if (!frames_only) reader.skip(1);
  reader.skip(1);
  std::array<uint64_t, 4> crop{};  // left, right, top, bottom
  if (reader.flag()) {
    for (uint64_t& side : crop) side = reader.ue();
  }
  if (reader.overrun()) return broken("it ends early");
  constexpr uint32_t baseline = 66;
  const bool in_order = profile == baseline || order == 2 || read_reorder_depth(reader) == 0u;

  const uint64_t fields = frames_only ? 1 : 2;
  const uint64_t crop_x = chroma == 1 || chroma == 2 ? 2 : 1;
  const uint64_t crop_y = (chroma == 1 ? 2 : 1) * fields;
  const uint64_t width = width_blocks * 16, height = height_units * 16 * fields;
  const uint64_t cut_x = (crop[0] + crop[1]) * crop_x, cut_y = (crop[2] + crop[3]) * crop_y;
  if (cut_x >= width || cut_y >= height || width - cut_x > max_dimension || height - cut_y > max_dimension) {
    return broken("an impossible size");
  }
  return SequenceParameters{{static_cast<int>(width - cut_x), static_cast<int>(height - cut_y)}, !in_order};
}

}  // namespace camweave::h264
