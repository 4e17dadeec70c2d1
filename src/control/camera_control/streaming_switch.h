// StreamingSwitch: what POST /streaming/start and /stop turn on and off: the push of one camera's pictures to another
// server. Whoever pushes implements it. Thread-safe.
#pragma once

#include <string_view>

#include "base/result.h"

namespace camweave {

class StreamingSwitch {
 public:
  virtual ~StreamingSwitch() = default;

  // On from start() to stop(), also while the target is away and is being retried.
  virtual bool is_on(std::string_view camera) const = 0;

  // Idempotent, and remembered over a restart. Neither waits for the target; an error leaves things as they were.
  virtual Result<void> start(std::string_view camera) = 0;
  virtual Result<void> stop(std::string_view camera) = 0;
};

}  // namespace camweave
