// The SEI message that every H.264 and H.265 access unit carries: when it was captured, its number, exposure and gain
// (docs/reference/h264-sei.md). `user_data_unregistered` (H.264 D.2.7, H.265 D.3.7) with our UUID. Numbers are written in
// groups of 7 bits, most significant first, each byte with its top bit set: the length is always the same and no start code
// can appear, so nothing has to be escaped. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "media/video_format.h"

namespace camweave {

struct FrameSei {
  int64_t capture_wall_us = 0;  // Unix
  uint64_t sequence = 0;
  uint32_t exposure_us = 0;     // 0: unknown
  uint32_t gain_milli = 0;      // 0: unknown
  bool operator==(const FrameSei&) const = default;
};

inline constexpr std::array<uint8_t, 16> frame_sei_uuid{0xc4, 0x3a, 0x77, 0x1b, 0x5d, 0x92, 0x4e, 0x0f,
                                                        0x9a, 0xd1, 0x66, 0xe8, 0x23, 0x7f, 0xb4, 0x58};

// Bytes of the whole NAL unit with its start code.
size_t frame_sei_bytes(Codec codec);
// Writes exactly frame_sei_bytes(codec).
void write_frame_sei(Codec codec, const FrameSei& sei, std::span<std::byte> out);
// Where it belongs: before the first slice's start code. The whole size where there is no slice.
size_t frame_sei_place(Codec codec, std::span<const std::byte> access_unit);
// Ours, in an access unit; none where there is none.
std::optional<FrameSei> find_frame_sei(Codec codec, std::span<const std::byte> access_unit);

}  // namespace camweave
