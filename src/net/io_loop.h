// IoLoop: one thread that runs one boost::asio::io_context, the PacketDispatcher of its sessions, and a coarse sweep
// for deadlines (a timer for each connection would cost more than the connections do). A connection stays on the loop
// that it was given to, so sessions need no locks. IoLoops: all of them.
//
// post() and counters() are thread-safe, everything else thread-bound. Sessions live in the loop: destroying the
// IoLoops ends every session, so what sessions use (Cameras, Clock, Log) must outlive it; and who keeps a session's
// callback (an HttpExchange waiting for a camera's answer) must have called or dropped it before.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/net_counters.h"
#include "net/readiness.h"
#include "stream/packet_dispatcher.h"

namespace boost::asio {
class io_context;
}

namespace camweave {

class FramePipe;
class IoLoop;

// Something with deadlines, looked at every 500 ms on its loop while registered. Pinned: neither copied nor moved.
class Swept {
 public:
  virtual void on_sweep(Timestamp now) = 0;  // may unregister or destroy this one, not others

 protected:
  explicit Swept(IoLoop& loop);
  ~Swept();
  Swept(const Swept&) = delete;
  Swept& operator=(const Swept&) = delete;

 private:
  friend class IoLoop;
  IoLoop& swept_by_;
  std::list<Swept*>::iterator place_;
};

class IoLoop {
 public:
  static constexpr std::chrono::milliseconds sweep_interval{500};

  static Result<std::unique_ptr<IoLoop>> create(const Clock& clock);
  ~IoLoop();  // stopped first by its owner

  void run();                             // until stop(); on the loop's thread
  void stop();                            // thread-safe
  void post(std::function<void()> task);  // thread-safe; runs in order of posting

  // Owns something that waits without a connection, until let_go() or the loop's end. Thread-bound.
  void keep(std::shared_ptr<void> waiting);
  void let_go(const void* waiting);

  bool is_current_thread() const;
  const Clock& clock() const;
  Timestamp now() const { return clock().now(); }
  boost::asio::io_context& context();
  PacketDispatcher& dispatcher();
  ReadinessSet& readiness();
  FramePipe& frame_pipe();
  std::span<std::byte> scratch();  // 64 KB to read into; good until the caller returns to the loop
  NetCounters& counters();

 private:
  friend class Swept;
  friend class IoLoops;
  struct State;
  explicit IoLoop(std::unique_ptr<State> state);
  void end();  // of its sessions, once stopped
  void sweep();
  void schedule_sweep();
  void wait_for_packets();
  void wait_for_sockets();
  bool give_memory_back(Timestamp now);

  std::unique_ptr<State> state_;
};

class IoLoops {
 public:
  static size_t default_count();  // the cores, at most 4

  // Starts the threads.
  static Result<std::unique_ptr<IoLoops>> start(const Clock& clock, size_t count = default_count());
  ~IoLoops();  // stops and joins, then ends the sessions

  size_t size() const { return loops_.size(); }
  IoLoop& at(size_t index) { return *loops_[index]; }
  uint64_t read(NetCounter counter) const;  // over all loops

  // Stops and joins the threads; no session runs after it. Idempotent.
  void stop();

 private:
  struct Threads;
  IoLoops();

  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::unique_ptr<Threads> threads_;
};

}  // namespace camweave
