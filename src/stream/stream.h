// Stream: one rendition's packets on the server, from the ingest thread to the sessions of all I/O loops. Thread-safe.
// A shared_ptr<Stream> is also the lease on the rendition: it is encoded while one exists, and not after.
// A stream outlives the worker: while the camera is away it is just silent.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "media/packet.h"

namespace camweave {

class PacketDispatcher;
class WakeUp;

// What a protocol puts around a packet's bytes on the wire, the same for all its clients.
struct FrameEnds {
  std::string head;
  std::string_view tail;  // a constant
};
// Packets are stored with this room, so that the first protocol that sends one needs no copy of it.
constexpr Room room_for_frame_ends{.head_bytes = 256, .tail_bytes = 32};

// Compared by address: one constant for each protocol.
struct Framing {
  const char* name;
  FrameEnds (*ends)(const Packet& packet);
};

class Stream {
 public:
  struct Options {
    std::string camera_id;
    Rendition rendition;
    std::shared_ptr<PacketMemory> memory;
    size_t max_bytes = size_t{32} << 20;         // of the ring: the last two GOPs, never more than this
    std::function<void()> request_keyframe;      // merged and rate-limited by the owner; may be empty
    std::function<void()> on_unused;             // called by the destructor, on whichever thread lets go last
  };
  explicit Stream(Options options);
  ~Stream();

  const std::string& camera_id() const { return options_.camera_id; }
  const Rendition& rendition() const { return options_.rendition; }
  const std::shared_ptr<PacketMemory>& memory() const { return options_.memory; }

  // Ingest thread: keeps the packet and wakes each I/O loop that has readers, once.
  void publish(PacketPtr packet);
  // Nothing will come any more (the camera was removed, the rendition refused): readers get closed.
  void close(std::string reason);
  std::optional<std::string> close_reason() const;  // none: open
  void request_keyframe();

  // The newest packet, or null. Never blocks for long.
  PacketPtr newest() const;

  // `packet` as `framing` writes it, head, body and tail in one piece: made once for all clients; empty when memory is
  // short (counted by the caller as a drop).
  WireImage framed(const PacketPtr& packet, const Framing& framing);

 private:
  friend class PacketCursor;
  friend class PacketDispatcher;

  struct Kept {
    uint64_t number;  // our own count of published packets
    PacketPtr packet;
  };
  struct Image {
    const Framing* framing;
    PacketPtr packet;
    WireImage bytes;
  };
  void attach(PacketDispatcher& dispatcher);
  void detach(PacketDispatcher& dispatcher);
  void trim(std::vector<PacketPtr>& dropped) REQUIRES(mutex_);
  // The loops that are to be woken, best without the lock.
  std::vector<std::shared_ptr<const WakeUp>> mark_in_loops() REQUIRES(mutex_);
  bool is_intra_only() const { return options_.rendition.codec == Codec::jpeg; }

  // Constant after construction.
  const Options options_;

  mutable Mutex mutex_;
  std::deque<Kept> ring_ GUARDED_BY(mutex_);
  size_t ring_bytes_ GUARDED_BY(mutex_) = 0;
  uint64_t next_number_ GUARDED_BY(mutex_) = 1;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::string close_reason_ GUARDED_BY(mutex_);
  std::vector<PacketDispatcher*> dispatchers_ GUARDED_BY(mutex_);

  Mutex image_mutex_;
  std::vector<Image> images_ GUARDED_BY(image_mutex_);  // newest last
};

// A reader's place in a stream. Thread-bound to the session's loop. Holds no packets.
class PacketCursor {
 public:
  // Intra-only codecs: next() is always the newest packet not yet seen. Inter codecs: from the last keyframe on
  // (`from_gop`), or from the next keyframe, then every packet; when the ring has moved past this place, on to the next
  // keyframe, the packets between counted as dropped.
  enum class Begin { newest, gop };
  explicit PacketCursor(std::shared_ptr<Stream> stream, Begin begin = Begin::newest);

  struct Next {
    PacketPtr packet;          // null: nothing new (or closed)
    uint64_t dropped = 0;      // packets passed over since the last call
    bool closed = false;       // nothing will come any more
  };
  Next next();

  // A slow session of an inter codec gives up its place: the next packet will be a keyframe.
  void skip_to_keyframe();

  Stream& stream() { return *stream_; }
  const std::shared_ptr<Stream>& stream_ptr() const { return stream_; }

 private:
  // The stream's ring, its lock held.
  Next next_newest(const std::deque<Stream::Kept>& ring);
  Next next_in_order(const std::deque<Stream::Kept>& ring);

  std::shared_ptr<Stream> stream_;
  uint64_t seen_ = 0;
  bool needs_keyframe_ = false;
};

}  // namespace camweave
