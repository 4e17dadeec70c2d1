#include "app/service_notifier.h"

#include <systemd/sd-daemon.h>

namespace camweave {

ServiceNotifier::ServiceNotifier(std::vector<Ping> loops) : loops_(std::move(loops)) {
  uint64_t limit_us = 0;
  // A third of the limit: two late answers in a row still don't end us.
  if (::sd_watchdog_enabled(0, &limit_us) > 0) interval_ = std::chrono::microseconds(limit_us / 3);
}

void ServiceNotifier::ready() { ::sd_notify(0, "READY=1"); }
void ServiceNotifier::stopping() { ::sd_notify(0, "STOPPING=1"); }

void ServiceNotifier::tick() {
  if (*silent_loops_ != 0) return;
  ::sd_notify(0, "WATCHDOG=1");
  *silent_loops_ = loops_.size();
  for (const Ping& ping : loops_) ping([silent = silent_loops_] { --*silent; });
}

}  // namespace camweave
