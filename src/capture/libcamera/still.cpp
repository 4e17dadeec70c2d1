#include "capture/libcamera/still.h"

#include <algorithm>
#include <array>

#include "capture/libcamera/frame_check.h"
#include "capture/libcamera/request_queue.h"
#include "capture/picture_check.h"
#include "capture/poll_until.h"

namespace camweave::libcam {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 6s;
constexpr int frames_before = 2;  // the first after a change of mode are still finding their exposure

// The next whole frame; none yet.
Result<std::optional<Frame>> next_frame(RequestQueue& queue) {
  auto dequeued = queue.dequeue();
  if (!dequeued) return dequeued.error();
  if (!*dequeued || (*dequeued)->report.cancelled || (*dequeued)->report.damaged) return std::optional<Frame>();
  Frame& frame = (*dequeued)->frame;
  frame.capture_time = FrameCheck().capture_time((*dequeued)->report, (*dequeued)->arrival);
  frame.metadata = checked_metadata((*dequeued)->report);
  if (!PictureCheck().complete(frame)) return std::optional<Frame>();
  return std::optional<Frame>(std::move(frame));
}

}  // namespace

Result<Frame> take_still(CameraDevice& device, const StreamWish& wish, const CameraControls& controls,
                         const Clock& clock, const StopSignal& stop) {
  const auto taken = device.configure(wish);
  if (!taken) return taken.error();
  auto queue = RequestQueue::start(device, *taken, controls.all_set(), controls.shortest_frame(), clock);
  if (!queue) return queue.error();
  const Timestamp deadline = clock.now() + patience;
  int seen = 0;
  while (!stop.raised() && !device.gone() && clock.now() < deadline) {
    std::array<pollfd, 2> fds{pollfd{queue->fd(), POLLIN, 0}, pollfd{stop.fd(), POLLIN, 0}};
    const Timestamp look_again = std::min(deadline, clock.now() + 200ms);  // whether it is gone
    poll_until(fds, std::min(look_again, queue->wake_up_at().value_or(look_again)));
    auto frame = next_frame(*queue);
    if (!frame) return frame.error();
    if (*frame && seen++ >= frames_before) return std::move(**frame);
  }
  return Error{ErrorCode::timeout, device.name().id + ": gave no full-resolution picture in time"};
}

}  // namespace camweave::libcam
