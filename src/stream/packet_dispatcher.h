// PacketDispatcher: one for each I/O loop; turns "a stream has a new packet" into calls of that loop's sessions, with one
// wake-up (an eventfd) for any number of streams and readers. mark() is thread-safe, everything else thread-bound.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "stream/stream.h"

namespace camweave {

// A session that reads a stream. Called on its loop only.
class PacketReader {
 public:
  virtual ~PacketReader() = default;
  // Something new (or the end) is there: ask the cursor. May unsubscribe this or other readers.
  virtual void on_packet() = 0;
};

// Raised when no lock is held any more: the loop may run before raise() returns, and would wait for the lock at once.
// Outlives its dispatcher.
class LoopWakeUp {
 public:
  LoopWakeUp() = default;  // nothing to raise
  explicit LoopWakeUp(std::shared_ptr<const UniqueFd> event_fd) : event_fd_(std::move(event_fd)) {}
  explicit operator bool() const { return event_fd_ != nullptr; }
  void raise() const;

 private:
  std::shared_ptr<const UniqueFd> event_fd_;
};

class PacketDispatcher {
 public:
  static Result<std::unique_ptr<PacketDispatcher>> create();
  ~PacketDispatcher();

  // Readable when run_pending() has work: the loop waits for it.
  int event_fd() const { return event_fd_->get(); }
  void run_pending();

  // The reader must outlive its subscription; it is called for every later packet, not for those already there.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription() { reset(); }
    void reset();

   private:
    friend class PacketDispatcher;
    Subscription(PacketDispatcher* dispatcher, Stream* stream, PacketReader* reader)
        : dispatcher_(dispatcher), stream_(stream), reader_(reader) {}
    PacketDispatcher* dispatcher_ = nullptr;
    Stream* stream_ = nullptr;
    PacketReader* reader_ = nullptr;
  };
  Subscription subscribe(const std::shared_ptr<Stream>& stream, PacketReader& reader);

 private:
  friend class Stream;
  struct Readers {
    std::shared_ptr<Stream> stream;
    std::vector<PacketReader*> readers;  // null: left while being walked
    bool being_walked = false;
  };

  explicit PacketDispatcher(UniqueFd event_fd) : event_fd_(std::make_shared<const UniqueFd>(std::move(event_fd))) {}
  // Any thread: `stream` has news. One wake-up for any number of streams until the loop has run.
  [[nodiscard]] LoopWakeUp mark(Stream& stream);
  bool take_pending(bool may_go_on);
  void remove(Stream* stream, PacketReader* reader);
  void walk(Readers& readers);
  void drop_stream(Stream* stream);

  const std::shared_ptr<const UniqueFd> event_fd_;

  // Only on the loop's thread.
  std::map<Stream*, std::unique_ptr<Readers>> streams_;
  std::vector<Stream*> running_;

  Mutex mutex_;
  std::vector<Stream*> pending_ GUARDED_BY(mutex_);
  bool is_running_ GUARDED_BY(mutex_) = false;
};

}  // namespace camweave
