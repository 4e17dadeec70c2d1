#include "media/h264/kept_parameter_sets.h"

#include <array>

#include "media/h264/keyframe.h"

namespace camweave {
namespace {

enum class Role { picture_parameters, other_parameters, delimiter, other };

Role role_of(Codec codec, NalUnit nal) {
  if (codec == Codec::h264) {
    switch (h264::type_of(nal)) {
      case h264::NalType::pps:
        return Role::picture_parameters;
      case h264::NalType::sps:
        return Role::other_parameters;
      case h264::NalType::aud:
        return Role::delimiter;
      default:
        return Role::other;
    }
  }
  switch (h265::type_of(nal)) {
    case h265::NalType::pps:
      return Role::picture_parameters;
    case h265::NalType::vps:
    case h265::NalType::sps:
      return Role::other_parameters;
    case h265::NalType::aud:
      return Role::delimiter;
    default:
      return Role::other;
  }
}

}  // namespace

std::optional<std::vector<std::byte>> KeptParameterSets::put_before_keyframe(Codec codec,
                                                                             std::span<const std::byte> access_unit) {
  constexpr std::array start_code{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
  std::vector<std::byte> sets;
  bool whole = false;
  size_t delimiter_end = 0;
  for_each_nal(access_unit.first(frame_sei_place(codec, access_unit)), [&](NalUnit nal) {
    const Role role = role_of(codec, nal);
    if (role == Role::delimiter) delimiter_end = static_cast<size_t>(nal.data() - access_unit.data()) + nal.size();
    if (role != Role::picture_parameters && role != Role::other_parameters) return;
    whole = whole || role == Role::picture_parameters;
    sets.insert(sets.end(), start_code.begin(), start_code.end());
    sets.insert(sets.end(), nal.begin(), nal.end());
  });
  if (!sets.empty()) {
    if (whole) sets_ = std::move(sets);
    return std::nullopt;
  }
  if (sets_.empty() || !is_keyframe(codec, access_unit)) return std::nullopt;
  std::vector<std::byte> mended;
  mended.reserve(access_unit.size() + sets_.size());
  const auto split = access_unit.begin() + static_cast<std::ptrdiff_t>(delimiter_end);
  mended.insert(mended.end(), access_unit.begin(), split);
  mended.insert(mended.end(), sets_.begin(), sets_.end());
  mended.insert(mended.end(), split, access_unit.end());
  return mended;
}

}  // namespace camweave
