// Ingest: the one thread that receives from all workers: every message is checked here, every packet is copied here
// from the worker's memory into ours, published, and its slot released. What is rare goes on to the control
// thread. It never waits for a client, a worker or the control thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "control/supervisor/worker_run.h"
#include "media/packet_memory.h"

namespace camweave {

// Called on the ingest thread; must not block: pass it on.
class IngestListener {
 public:
  virtual ~IngestListener() = default;
  // Anything but frames; checked. Hello comes after its memory was mapped. Call Ingest::handled() once looked at.
  virtual void on_message(const std::shared_ptr<WorkerRun>& run, ipc::Message message) = 0;
  virtual void on_first_frame(const std::shared_ptr<WorkerRun>& run) = 0;
  virtual void on_still(const std::shared_ptr<WorkerRun>& run, uint32_t request_id, Result<PacketPtr> still) = 0;
  // It broke a rule, or its socket ended: nothing more is read from it. End it.
  virtual void on_broken(const std::shared_ptr<WorkerRun>& run, Error error) = 0;
  // Reaped: the last call for this run.
  virtual void on_exit(const std::shared_ptr<WorkerRun>& run, int wait_status) = 0;
};

class Ingest {
 public:
  // Borrowed ones must outlive it.
  static Result<std::unique_ptr<Ingest>> start(const Clock& clock, Log& log, std::shared_ptr<PacketMemory> memory,
                                               IngestListener& listener);
  ~Ingest();  // joins; workers that were not reaped are left to init

  // Thread-safe. From now on, until on_exit(), what the worker says is heard.
  void add(std::shared_ptr<WorkerRun> run);
  // Thread-safe: the message that on_message() passed on was looked at. A worker with too many waiting floods.
  static void handled(WorkerRun& run) { run.messages_waiting_.fetch_sub(1, std::memory_order_relaxed); }

  // Thread-safe: runs on the thread, soon. For the watchdog.
  void ping(std::function<void()> answer);

 private:
  enum class Source { socket, errors, process };
  struct Watched {
    std::shared_ptr<WorkerRun> run;
    Source source = Source::socket;
  };

  Ingest(const Clock& clock, Log& log, std::shared_ptr<PacketMemory> memory, IngestListener& listener, UniqueFd epoll,
         UniqueFd wake);
  void run();
  void run_commands();
  void watch(const std::shared_ptr<WorkerRun>& run, Source source, int fd);
  void unwatch(WorkerRun& run, Source source);
  void on_ready(uint64_t key);

  enum class Drain { some, all };
  void read_socket(const std::shared_ptr<WorkerRun>& run, Drain drain);
  void read_errors(WorkerRun& run, Drain drain);
  void reap(const std::shared_ptr<WorkerRun>& run);
  void broken(const std::shared_ptr<WorkerRun>& run, Error error);

  Result<void> take(const std::shared_ptr<WorkerRun>& run, ipc::SeqPacketSocket::Received received);
  Result<void> take_hello(WorkerRun& run, const ipc::Hello& hello, UniqueFd memory);
  Result<void> take_frame(const std::shared_ptr<WorkerRun>& run, const ipc::Frame& frame);
  Result<void> find_targets(WorkerRun& run, const ipc::Frame& frame);
  Result<PacketBuffer> store(std::span<const std::byte> bytes, Codec codec);
  Result<PacketPtr> copy(const ipc::Frame& frame, std::span<const std::byte> bytes);

  // Constant after construction.
  const Clock& clock_;
  Log& log_;
  const std::shared_ptr<PacketMemory> memory_;
  IngestListener& listener_;
  const UniqueFd epoll_;
  const UniqueFd wake_;

  // Only the ingest thread.
  std::map<uint64_t, Watched> watched_;
  std::map<std::pair<const WorkerRun*, Source>, uint64_t> keys_;
  uint64_t next_key_ = 1;

  Mutex mutex_;
  std::vector<std::shared_ptr<WorkerRun>> added_ GUARDED_BY(mutex_);
  std::vector<std::function<void()>> pings_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace camweave
