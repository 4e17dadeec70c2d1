#include "media/h264/frame_sei.h"

#include <algorithm>

#include "media/h264/nal.h"

namespace camweave {
namespace {

constexpr uint8_t user_data_unregistered = 5;
constexpr uint8_t layout_version = 0x81;  // 1
constexpr size_t long_digits = 10, short_digits = 5;  // groups of 7 bits for 64 and 32 bits
constexpr size_t payload_bytes = frame_sei_uuid.size() + 1 + 2 * long_digits + 2 * short_digits;

size_t header_bytes(Codec codec) { return codec == Codec::h264 ? 1 : 2; }

class Writer {
 public:
  explicit Writer(std::span<std::byte> out) : out_(out) {}
  void put(uint8_t value) { out_[at_++] = std::byte{value}; }
  void put_number(uint64_t value, size_t digits) {
    for (size_t i = digits; i-- > 0;) put(static_cast<uint8_t>(0x80 | (value >> (7 * i) & 0x7f)));
  }

 private:
  std::span<std::byte> out_;
  size_t at_ = 0;
};

uint64_t read_number(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 7 | (std::to_integer<uint64_t>(byte) & 0x7f);
  return value;
}

bool is_slice(Codec codec, NalUnit nal) {
  if (codec == Codec::h264) {
    const auto type = std::to_integer<int>(nal[0]) & 0x1f;
    return type >= 1 && type <= 5;
  }
  return ((std::to_integer<int>(nal[0]) >> 1) & 0x3f) < 32;
}

bool is_sei(Codec codec, NalUnit nal) {
  return codec == Codec::h264 ? h264::type_of(nal) == h264::NalType::sei : h265::type_of(nal) == h265::NalType::prefix_sei;
}

}  // namespace

size_t frame_sei_bytes(Codec codec) { return 4 + header_bytes(codec) + 2 + payload_bytes + 1; }

void write_frame_sei(Codec codec, const FrameSei& sei, std::span<std::byte> out) {
  Writer writer(out);
  for (const uint8_t byte : std::array<uint8_t, 4>{0, 0, 0, 1}) writer.put(byte);
  if (codec == Codec::h264) {
    writer.put(6);
  } else {
    writer.put(uint8_t{39 << 1});
    writer.put(1);
  }
  writer.put(user_data_unregistered);
  writer.put(static_cast<uint8_t>(payload_bytes));
  for (const uint8_t byte : frame_sei_uuid) writer.put(byte);
  writer.put(layout_version);
  writer.put_number(static_cast<uint64_t>(sei.capture_wall_us), long_digits);
  writer.put_number(sei.sequence, long_digits);
  writer.put_number(sei.exposure_us, short_digits);
  writer.put_number(sei.gain_milli, short_digits);
  writer.put(0x80);  // rbsp_trailing_bits
}

size_t frame_sei_place(Codec codec, std::span<const std::byte> access_unit) {
  for (NalSplit split = next_nal(access_unit); !split.nal.empty(); split = next_nal(split.rest)) {
    if (!is_slice(codec, split.nal)) continue;
    auto place = static_cast<size_t>(split.nal.data() - access_unit.data()) - 3;
    if (place > 0 && access_unit[place - 1] == std::byte{0}) --place;  // a start code of four bytes
    return place;
  }
  return access_unit.size();
}

std::optional<FrameSei> find_frame_sei(Codec codec, std::span<const std::byte> access_unit) {
  for (NalSplit split = next_nal(access_unit); !split.nal.empty(); split = next_nal(split.rest)) {
    if (split.nal.size() != header_bytes(codec) + 2 + payload_bytes + 1 || !is_sei(codec, split.nal)) continue;
    auto rest = split.nal.subspan(header_bytes(codec) + 2);
    const bool ours = std::ranges::equal(rest.first(16), frame_sei_uuid, [](std::byte a, uint8_t b) { return a == std::byte{b}; });
    if (!ours || rest[16] != std::byte{layout_version}) continue;
    rest = rest.subspan(17);
    return FrameSei{static_cast<int64_t>(read_number(rest.first(long_digits))), read_number(rest.subspan(long_digits, long_digits)),
                    static_cast<uint32_t>(read_number(rest.subspan(2 * long_digits, short_digits))),
                    static_cast<uint32_t>(read_number(rest.subspan(2 * long_digits + short_digits, short_digits)))};
  }
  return std::nullopt;
}

}  // namespace camweave
