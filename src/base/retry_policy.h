// RetryPolicy: when a camera whose worker ended, or a target that pictures are pushed to, is tried again. The only back-off
// in the system. Pure: time and chance come from outside.
//  - The first failure after good health: at once (within 100 ms), so that a crash costs a blink.
//  - Then 0.5 s, doubling to 30 s, each up to a fifth shorter by chance, so that many cameras don't come back in step.
//  - 60 s of pictures forget all failures.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/clock.h"

namespace camweave {

class RetryPolicy {
 public:
  // `chance` answers 0 to 1.
  explicit RetryPolicy(std::function<double()> chance) : chance_(std::move(chance)) {}

  void pictures_began(Timestamp now);

  // The worker or the target's connection ended, or pictures stopped: how long to wait.
  std::chrono::nanoseconds failed(Timestamp now);

  // Somebody changed the configuration: the past doesn't count.
  void forget();

 private:
  std::function<double()> chance_;
  int failures_ = 0;  // since the last good health, without the retry at once
  bool retried_at_once_ = false;
  std::optional<Timestamp> healthy_since_;
};

}  // namespace camweave
