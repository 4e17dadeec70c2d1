// Whether an access unit can be decoded without earlier ones, by its first slice. Pure.
#pragma once

#include "media/h264/frame_sei.h"
#include "media/h264/nal.h"

namespace camweave {

// H.264: an IDR picture; H.265: any random access point. What begins with a recovery point alone is not known here.
inline bool is_keyframe(Codec codec, std::span<const std::byte> access_unit) {
  auto slice = access_unit.subspan(frame_sei_place(codec, access_unit));
  while (!slice.empty() && slice[0] == std::byte{0}) slice = slice.subspan(1);
  if (slice.size() < 2 || slice[0] != std::byte{1}) return false;
  const NalUnit nal = slice.subspan(1);
  if (codec == Codec::h264) return h264::type_of(nal) == h264::NalType::idr;
  const auto type = static_cast<uint8_t>(h265::type_of(nal));
  return type >= static_cast<uint8_t>(h265::NalType::bla_first) &&
         type <= static_cast<uint8_t>(h265::NalType::irap_last);
}

}  // namespace camweave
