// KeptParameterSets: parameter sets before each keyframe, for cameras that send them only when their stream starts: who
// joins later, and whoever lost the first packet, can begin at any keyframe. H.264 and H.265, Annex B. Thread-bound;
// fuzzed.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "media/video_format.h"

namespace camweave {

class KeptParameterSets {
 public:
  // Keeps the sets that this access unit has. For a keyframe that has none: the unit with those of before in it, behind
  // its delimiter; none where it is fine as it is, or where none were seen yet.
  std::optional<std::vector<std::byte>> put_before_keyframe(Codec codec, std::span<const std::byte> access_unit);

 private:
  std::vector<std::byte> sets_;
};

}  // namespace camweave
