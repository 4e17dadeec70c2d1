#include "capture/control_loop.h"

#include <poll.h>

#include <array>

namespace camweave {
namespace {

int milliseconds_until(Timestamp deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

template <typename T>
constexpr bool from_server = std::is_same_v<T, ipc::Renditions> || std::is_same_v<T, ipc::KeyframeRequest> ||
                             std::is_same_v<T, ipc::SetControls> || std::is_same_v<T, ipc::ResetControls> ||
                             std::is_same_v<T, ipc::StillRequest> || std::is_same_v<T, ipc::ReleaseSlot>;

}  // namespace

ControlLoop::End ControlLoop::run(const StopSignal& stop) {
  Timestamp next_status = std::chrono::steady_clock::now();
  for (;;) {
    if (std::chrono::steady_clock::now() >= next_status) {
      send_status();
      next_status = std::chrono::steady_clock::now() + status_interval_;
    }
    std::array<pollfd, 5> fds{{{socket_.fd(), POLLIN, 0},
                               {driver_.finished_fd(), POLLIN, 0},
                               {driver_.away_fd(), POLLIN, 0},
                               {stop.fd(), POLLIN, 0},
                               {frames_.news_fd(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), milliseconds_until(next_status)) <= 0) continue;
    if (fds[3].revents) return End::stopped;
    if (fds[1].revents) return driver_.failed() ? End::camera_failed : End::stopped;
    if (fds[2].revents || fds[4].revents) {
      driver_.clear_away_event();
      frames_.clear_news();
      send_status();
    }
    if (!fds[0].revents) continue;
    if (const auto end = read_messages()) return *end;
  }
}

std::optional<ControlLoop::End> ControlLoop::read_messages() {
  // A few at a time, so that Status is never late.
  for (int i = 0; i < 64; ++i) {
    auto received = socket_.receive(ipc::SeqPacketSocket::Wait::dont_wait);
    if (!received) {
      switch (received.error().code) {
        case ErrorCode::timeout:
          return std::nullopt;
        case ErrorCode::unavailable:
          return End::stopped;
        default:
          link_.log().error("", "from the server: {}", received.error().message);
          return End::broken_messages;
      }
    }
    if (const auto end = handle(std::move(received->message))) return end;
  }
  return std::nullopt;
}

std::optional<ControlLoop::End> ControlLoop::handle(ipc::Message message) {
  return std::visit(
      [this]<typename T>(const T& m) -> std::optional<End> {
        if constexpr (from_server<T>) {
          act(m);
          return std::nullopt;
        } else if constexpr (std::is_same_v<T, ipc::Stop>) {
          return End::stopped;
        } else {
          link_.log().error("", "a message from the server that a worker doesn't expect");
          return End::broken_messages;
        }
      },
      message);
}

void ControlLoop::act(const ipc::Renditions& message) {
  renditions_.set(message.wanted);
  frames_.update_wanted();
}

void ControlLoop::act(const ipc::KeyframeRequest& message) { renditions_.request_keyframe(message.rendition_id); }

void ControlLoop::act(const ipc::SetControls& message) {
  auto outcome = driver_.set_controls(message.values);
  ipc::Reply reply{message.request_id, true, "", ErrorCode::internal, {}};
  if (!outcome) {
    reply.ok = false;
    reply.error = outcome.error().message;
    reply.error_code = outcome.error().code;
  } else if (!outcome->errors.empty()) {
    reply.ok = false;
    reply.error = outcome->errors.front().message;
    reply.error_code = ErrorCode::invalid_argument;
    reply.outcome = *std::move(outcome);
  } else {
    reply.outcome = *std::move(outcome);
  }
  // The new schema first: whoever sees the answer finds the new values.
  if (reply.ok) link_.send(ipc::ControlsChanged{driver_.controls()});
  link_.send(reply);
}

void ControlLoop::act(const ipc::ResetControls& message) {
  const auto reset = driver_.reset_controls();
  if (reset) {
    link_.send(ipc::ControlsChanged{driver_.controls()});
    link_.send(ipc::Reply{message.request_id, true, "", ErrorCode::internal, {}});
  } else {
    link_.send(ipc::Reply{message.request_id, false, reset.error().message, reset.error().code, {}});
  }
}

void ControlLoop::act(const ipc::StillRequest& message) {
  // Not `this`: the camera may answer after the loop has ended.
  auto done = [&stills = stills_, &frames = frames_, message](Result<Frame> still) {
    if (still) {
      stills.finish(message, frames.stamp_still(*std::move(still)));
    } else {
      stills.finish(message, std::move(still).error());
    }
  };
  const auto begun = driver_.request_still(std::move(done));
  if (!begun) return stills_.finish(message, begun.error());
  if (*begun) return;
  if (const auto waits = stills_.wait_for_frame(message); !waits) stills_.finish(message, waits.error());
  frames_.update_wanted();
}

void ControlLoop::act(const ipc::ReleaseSlot& message) { link_.pool().give_back(message.slot); }

void ControlLoop::send_status() {
  const FrameCounters& counters = link_.counters();
  auto away = driver_.away();
  link_.send(ipc::Status{.captured = counters.captured,
                         .dropped = counters.dropped,
                         .last_frame_ns = counters.last_frame_ns,
                         .away = away.away,
                         .away_reason = std::move(away.reason),
                         .metadata = frames_.metadata(),
                         .encoders = renditions_.encoders()});
}

}  // namespace camweave
