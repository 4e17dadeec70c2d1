// poll_until: waits for descriptors or a moment, whichever comes first. Any thread.
#pragma once

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>

#include "base/clock.h"

namespace camweave {

// True when one of `fds` is ready (see its revents); false when `deadline` passed first. Without a deadline it waits
// for good.
inline bool poll_until(std::span<pollfd> fds, std::optional<Timestamp> deadline) {
  for (;;) {
    timespec timeout{};
    if (deadline) {
      const auto left = std::max(*deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds::zero());
      timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      timeout.tv_nsec = (left % std::chrono::seconds(1)).count();
    }
    const int ready = ::ppoll(fds.data(), fds.size(), deadline ? &timeout : nullptr, nullptr);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR && errno != EAGAIN) return false;
  }
}

}  // namespace camweave
