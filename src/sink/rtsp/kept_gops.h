// KeptGops: holds the H.264 or H.265 stream of each camera that gives one itself, also while nobody watches, so that a
// first reader finds the last GOP: such a camera's next keyframe can't be ordered. Costs one copy of each packet;
// cameras that capture on demand are left alone. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "stream/cameras.h"

namespace camweave {

class KeptGops {
 public:
  // `cameras` must outlive this.
  explicit KeptGops(Cameras& cameras);
  ~KeptGops();

  struct Held;

 private:
  const std::shared_ptr<Held> held_;  // shared with events under way
  std::shared_ptr<void> subscription_;
};

}  // namespace camweave
