// PacketDispatcher: one for each I/O loop; turns "a stream has a new packet" into calls of that loop's sessions, with one
// wake-up (an eventfd) for any number of streams and readers. add_pending(), notify(): thread-safe; all else: thread-bound.
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

// What the loop sleeps on. Held beyond the dispatcher by who is about to wake it.
class WakeUp {
 public:
  explicit WakeUp(UniqueFd event_fd) : event_fd_(std::move(event_fd)) {}
  void wake() const;
  int fd() const { return event_fd_.get(); }

 private:
  const UniqueFd event_fd_;
};

class PacketDispatcher {
 public:
  static Result<std::unique_ptr<PacketDispatcher>> create();
  ~PacketDispatcher();

  // Readable when run_pending() has work: the loop waits for it.
  int event_fd() const { return wake_up_->fd(); }
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

  explicit PacketDispatcher(std::shared_ptr<const WakeUp> wake_up) : wake_up_(std::move(wake_up)) {}
  // From a Stream, any thread: it has something new. What is answered is to be woken, best without the stream's lock.
  std::shared_ptr<const WakeUp> add_pending(Stream& stream);
  void notify(Stream& stream);
  bool take_pending(bool may_go_on);
  void remove(Stream* stream, PacketReader* reader);
  void walk(Readers& readers);
  void drop_stream(Stream* stream);

  const std::shared_ptr<const WakeUp> wake_up_;

  // Only on the loop's thread.
  std::map<Stream*, std::unique_ptr<Readers>> streams_;
  std::vector<Stream*> running_;

  Mutex mutex_;
  std::vector<Stream*> pending_ GUARDED_BY(mutex_);
  bool is_running_ GUARDED_BY(mutex_) = false;
};

}  // namespace camweave
