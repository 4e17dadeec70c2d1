// WorkerRun: one life of one camera's worker, from start to reaping; a restarted camera gets a new one. Shared by the
// control thread (which decides), the ingest thread (which receives) and nobody else.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "control/supervisor/worker_log.h"
#include "control/supervisor/worker_process.h"
#include "ipc/packet_pool.h"
#include "ipc/seq_packet_socket.h"
#include "stream/stream.h"

namespace camweave {

class WorkerRun {
 public:
  using Streams = std::vector<std::weak_ptr<Stream>>;

  WorkerRun(std::string camera_id, WorkerProcess process, uint64_t first_sequence, WorkerLog log);

  const std::string& camera_id() const { return camera_id_; }
  const WorkerProcess& process() const { return process_; }

  // Never waits: what the socket doesn't take now (some seventy small messages) goes with a later call. Fails
  // when too much has piled up, since then the worker doesn't read: no camera holds up another. Thread-safe.
  Result<void> send(ipc::Message message);
  // Whenever the worker was heard: sends what had to wait.
  Result<void> send_waiting();

  // Where packets of each rendition go. `last_id`: the highest that was ever sent to a worker of this camera; packets
  // with a higher one break the rules. Control thread.
  void set_routes(std::map<uint32_t, Streams> routes, uint32_t last_id);

  // What the control thread reads of the frame path. Any thread.
  struct Figures {
    int64_t newest_frame_ns = 0;  // CLOCK_MONOTONIC, of all that the worker knows; 0: none came
    int64_t newest_sent_ns = 0;   // of those that came here
    uint64_t next_sequence = 0;   // where the next worker goes on
    uint64_t dropped = 0;         // by the server: memory short, no picture in the packet
  };
  Figures figures() const;
  void note_status(const ipc::Status& status, Timestamp now);

 private:
  friend class Ingest;
  // Ingest thread; true for the first frame of this run.
  bool note_frame(const ipc::Frame& frame, Timestamp now);
  void note_sequence(uint64_t sequence);
  // Ingest thread: gives used slots back, a few at a time: the worker has many, and each message wakes it.
  Result<void> release(uint32_t slot);
  // Ingest thread: counts a message that goes to the control thread; false when they come too fast or pile up there.
  bool may_send_rare_message(Timestamp now);

  // Constant after construction.
  const std::string camera_id_;
  const uint64_t first_sequence_;

  ipc::SeqPacketSocket socket_;  // sends from any thread, receives on the ingest thread
  const WorkerProcess process_;  // its socket is socket_ now

  // Only the ingest thread.
  std::optional<ipc::MappedPool> pool_;
  WorkerLog log_;
  bool is_broken_ = false;
  double allowed_messages_ = 0;  // fills up with time
  Timestamp messages_counted_{};
  Streams targets_;  // kept for its capacity
  std::vector<uint32_t> used_slots_;

  Mutex send_mutex_;
  std::deque<ipc::Message> waiting_ GUARDED_BY(send_mutex_);  // to be sent, in order

  std::atomic<int64_t> newest_frame_ns_{0};
  std::atomic<int64_t> newest_sent_ns_{0};
  std::atomic<uint64_t> next_sequence_;
  std::atomic<uint64_t> dropped_{0};
  std::atomic<int> messages_waiting_{0};  // posted to the control thread and not yet looked at

  Mutex mutex_;
  std::map<uint32_t, Streams> routes_ GUARDED_BY(mutex_);
  uint32_t last_id_ GUARDED_BY(mutex_) = 0;
};

}  // namespace camweave
