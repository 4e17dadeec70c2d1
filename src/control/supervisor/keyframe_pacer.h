// KeyframePacer: merges requests for keyframes, so that a crowd of new viewers costs one keyframe: at most one in 500
// ms for each rendition; a request in between is kept and comes due then. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"

namespace camweave {

class KeyframePacer {
 public:
  static constexpr std::chrono::milliseconds interval{500};

  void request(uint32_t rendition_id);
  // Those to ask the worker for now.
  std::vector<uint32_t> take_due(Timestamp now);
  Timestamp next_due() const;  // Timestamp::max(): nothing waits
  void clear() { renditions_.clear(); }

 private:
  struct Rendition {
    Timestamp free_at{};
    bool wanted = false;
  };
  std::map<uint32_t, Rendition> renditions_;
};

}  // namespace camweave
