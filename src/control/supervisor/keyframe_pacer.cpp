#include "control/supervisor/keyframe_pacer.h"

#include <algorithm>

namespace camweave {

void KeyframePacer::request(uint32_t rendition_id) { renditions_[rendition_id].wanted = true; }

std::vector<uint32_t> KeyframePacer::take_due(Timestamp now) {
  std::vector<uint32_t> due;
  for (auto it = renditions_.begin(); it != renditions_.end();) {
    auto& [id, rendition] = *it;
    if (rendition.free_at > now) {
      ++it;
    } else if (rendition.wanted) {
      due.push_back(id);
      rendition = {now + interval, false};
      ++it;
    } else {
      it = renditions_.erase(it);
    }
  }
  return due;
}

Timestamp KeyframePacer::next_due() const {
  Timestamp next = Timestamp::max();
  for (const auto& [id, rendition] : renditions_) {
    if (rendition.wanted) next = std::min(next, rendition.free_at);
  }
  return next;
}

}  // namespace camweave
