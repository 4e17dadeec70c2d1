// WorkerLink: what all threads of a worker share to reach the server: the socket, the pool of slots, the counters and
// the camera's identity. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "ipc/packet_pool.h"
#include "ipc/seq_packet_socket.h"

namespace camweave {

struct FrameCounters {
  std::atomic<uint64_t> captured{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<int64_t> last_frame_ns{0};
};

struct CameraIdentity {
  std::string make, model, serial;
};

class WorkerLink {
 public:
  WorkerLink(ipc::SeqPacketSocket& socket, ipc::PacketPool& pool, const Clock& clock, Log& log)
      : socket_(socket), pool_(pool), clock_(clock), log_(log) {}

  // A send that fails is no error of the sender: the control thread sees the socket's end and ends the worker.
  bool send(const ipc::Message& message) { return socket_.send(message).ok(); }

  void set_identity(CameraIdentity identity) {
    auto shared = std::make_shared<const CameraIdentity>(std::move(identity));
    MutexLock lock(mutex_);
    identity_ = std::move(shared);
  }
  // Another pointer each time that the identity was set.
  std::shared_ptr<const CameraIdentity> identity() {
    MutexLock lock(mutex_);
    return identity_;
  }

  ipc::PacketPool& pool() { return pool_; }
  const Clock& clock() const { return clock_; }
  Log& log() { return log_; }
  FrameCounters& counters() { return counters_; }

 private:
  ipc::SeqPacketSocket& socket_;
  ipc::PacketPool& pool_;
  const Clock& clock_;
  Log& log_;
  FrameCounters counters_;

  Mutex mutex_;
  std::shared_ptr<const CameraIdentity> identity_ GUARDED_BY(mutex_) = std::make_shared<const CameraIdentity>();
};

}  // namespace camweave
