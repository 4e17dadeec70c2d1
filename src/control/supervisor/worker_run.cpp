#include "control/supervisor/worker_run.h"

#include <poll.h>

#include <algorithm>

namespace camweave {
namespace {

template <typename T>
void raise_to(std::atomic<T>& value, T at_least) {
  T seen = value.load(std::memory_order_relaxed);
  while (seen < at_least && !value.compare_exchange_weak(seen, at_least, std::memory_order_relaxed)) {
  }
}

}  // namespace

WorkerRun::WorkerRun(std::string camera_id, WorkerProcess process, uint64_t first_sequence, WorkerLog log)
    : camera_id_(std::move(camera_id)),
      first_sequence_(first_sequence),
      socket_(std::move(process.socket)),
      process_(std::move(process)),
      log_(std::move(log)),
      next_sequence_(first_sequence) {}

Result<void> WorkerRun::send(ipc::Message message) {
  constexpr size_t most_waiting = 256;
  {
    MutexLock lock(send_mutex_);
    if (waiting_.size() >= most_waiting) return Error{ErrorCode::protocol, "the worker doesn't read its messages"};
    waiting_.push_back(std::move(message));
  }
  return send_waiting();
}

Result<void> WorkerRun::send_waiting() {
  MutexLock lock(send_mutex_);
  while (!waiting_.empty()) {
    pollfd poll_fd{socket_.fd(), POLLOUT, 0};
    if (::poll(&poll_fd, 1, 0) == 0) return {};
    if (auto sent = socket_.send(waiting_.front()); !sent) return sent;
    waiting_.pop_front();
  }
  return {};
}

void WorkerRun::set_routes(std::map<uint32_t, Streams> routes, uint32_t last_id) {
  MutexLock lock(mutex_);
  routes_ = std::move(routes);
  last_id_ = std::max(last_id_, last_id);
}

WorkerRun::Figures WorkerRun::figures() const {
  return {newest_frame_ns_.load(std::memory_order_relaxed), newest_sent_ns_.load(std::memory_order_relaxed),
          next_sequence_.load(std::memory_order_relaxed), dropped_.load(std::memory_order_relaxed)};
}

bool WorkerRun::note_frame(const ipc::Frame& frame, Timestamp now) {
  // A clock that lies must not hide a stall: nothing is newer than now.
  const int64_t captured_ns = std::min(frame.capture_ns, to_nanoseconds(now));
  const bool is_first = newest_sent_ns_.load(std::memory_order_relaxed) == 0;
  raise_to(newest_sent_ns_, std::max<int64_t>(captured_ns, 1));
  raise_to(newest_frame_ns_, captured_ns);
  if (!frame.request_id) note_sequence(frame.sequence);
  return is_first;
}

// A number that is absurdly far ahead is not believed: the next worker has to go on from it.
void WorkerRun::note_sequence(uint64_t sequence) {
  constexpr uint64_t most_ahead = uint64_t{1} << 40;
  if (sequence - first_sequence_ < most_ahead) raise_to(next_sequence_, sequence + 1);
}

Result<void> WorkerRun::release(uint32_t slot) {
  constexpr uint32_t most_kept = 4, least_left_parts = 8;
  used_slots_.push_back(slot);
  if (used_slots_.size() < std::min(most_kept, pool_->slot_count() / least_left_parts)) return {};
  for (const uint32_t used : used_slots_) {
    if (auto sent = send(ipc::ReleaseSlot{used}); !sent) return sent;
  }
  used_slots_.clear();
  return {};
}

bool WorkerRun::may_send_rare_message(Timestamp now) {
  constexpr double burst = 256, per_second = 200;  // a worker's normal life has a few a second
  constexpr int most_waiting = 256;
  const double seconds = std::chrono::duration<double>(now - messages_counted_).count();
  allowed_messages_ = std::min(burst, allowed_messages_ + seconds * per_second) - 1;
  messages_counted_ = now;
  return messages_waiting_.fetch_add(1, std::memory_order_relaxed) < most_waiting && allowed_messages_ >= 0;
}

void WorkerRun::note_status(const ipc::Status& status, Timestamp now) {
  raise_to(newest_frame_ns_, std::min(status.last_frame_ns, to_nanoseconds(now)));
  if (const uint64_t frames = status.captured + status.dropped) note_sequence(first_sequence_ + frames - 1);
}

}  // namespace camweave
