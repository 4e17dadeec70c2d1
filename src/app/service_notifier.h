// ServiceNotifier: tells systemd that we are ready, alive, stopping (sd_notify); does nothing where nobody listens.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace camweave {

class ServiceNotifier {
 public:
  // Each asks one loop to call back: a loop that hangs doesn't, and systemd restarts us.
  using Ping = std::function<void(std::function<void()> answer)>;
  explicit ServiceNotifier(std::vector<Ping> loops);

  void ready();
  void stopping();
  // How often to call tick(); none: no watchdog.
  std::optional<std::chrono::microseconds> interval() const { return interval_; }
  // Reports life when every loop has answered since the last time, and asks again.
  void tick();

 private:
  const std::vector<Ping> loops_;
  std::optional<std::chrono::microseconds> interval_;
  std::shared_ptr<std::atomic<size_t>> silent_loops_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace camweave
