#include <poll.h>
#include <sys/eventfd.h>

#include "capture/camera.h"

namespace camweave {

Result<StopSignal> StopSignal::create() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return system_error("eventfd");
  return StopSignal(std::move(fd));
}

void StopSignal::raise() {
  const uint64_t one = 1;
  // Nothing to do when it fails: only a full counter can refuse, and that is raised already.
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof(one));
}

bool StopSignal::raised() const {
  pollfd poll_fd{fd_.get(), POLLIN, 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

bool StopSignal::wait_until(Timestamp deadline) const {
  for (;;) {
    const auto left = std::max(deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds::zero());
    const timespec timeout{std::chrono::duration_cast<std::chrono::seconds>(left).count(),
                           (left % std::chrono::seconds(1)).count()};
    pollfd poll_fd{fd_.get(), POLLIN, 0};
    const int ready = ::ppoll(&poll_fd, 1, &timeout, nullptr);
    if (ready > 0) return true;
    if (ready == 0) return false;
  }
}

}  // namespace camweave
