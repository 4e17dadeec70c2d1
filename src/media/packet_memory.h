// PacketMemory: where the server keeps encoded frames: one memfd of its own, so that a frame goes to any number of
// plain TCP clients by reference to the pages themselves (sendfile, splice), without a copy per client. Thread-safe.
//
// The rule that makes that safe (docs/design/0002-frame-path.md): pages that may still lie in a socket's queue are
// never written again. A region's pages are punched out of the file when its last reference goes (queued pages live on
// with their sockets), so a region that is handed out again always gets new pages; and a session holds its reference
// until the kernel has taken the last byte.
#pragma once

#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace camweave {

class PacketMemory;

// Free bytes that a region has before and behind its own: for what a protocol puts around them.
struct Room {
  uint16_t head_bytes = 0;
  uint16_t tail_bytes = 0;
};

// One region; move-only; its bytes are immutable after store(). Gives its pages back when destroyed (any thread).
class PacketBuffer {
 public:
  PacketBuffer() = default;
  PacketBuffer(PacketBuffer&& other) noexcept;
  PacketBuffer& operator=(PacketBuffer&& other) noexcept;
  ~PacketBuffer();

  // The bytes, mapped read-only: for parsers, TLS, the recorder. Costs page faults: plain TCP uses fd() and offset().
  std::span<const std::byte> bytes() const;
  size_t size() const { return size_; }
  int fd() const;
  off_t offset() const { return offset_; }

  // Puts `head` right before the bytes and `tail` right behind them. True for the first caller of all, if they fit into
  // the room: whoever comes later needs a copy, since what was written may lie in a socket's queue. Thread-safe.
  bool write_ends(std::string_view head, std::string_view tail) const;

 private:
  friend class PacketMemory;
  PacketBuffer(std::shared_ptr<PacketMemory> memory, off_t offset, size_t size, Room room, unsigned size_class)
      : memory_(std::move(memory)), offset_(offset), size_(size), room_(room), size_class_(size_class) {}
  void give_back();

  std::shared_ptr<PacketMemory> memory_;
  off_t offset_ = 0;
  size_t size_ = 0;
  Room room_;
  unsigned size_class_ = 0;
  mutable std::atomic<bool> has_ends_ = false;
};

// A stretch of packet memory as it goes over the wire; keeps what it lies in.
struct WireImage {
  WireImage() = default;
  WireImage(std::shared_ptr<const PacketBuffer> whole)
      : memory(std::move(whole)), offset(memory->offset()), size(memory->size()) {}
  WireImage(std::shared_ptr<const PacketBuffer> in, off_t at, size_t size_bytes)
      : memory(std::move(in)), offset(at), size(size_bytes) {}
  explicit operator bool() const { return memory != nullptr; }

  std::shared_ptr<const PacketBuffer> memory;
  off_t offset = 0;
  size_t size = 0;
};

class PacketMemory : public std::enable_shared_from_this<PacketMemory> {
 public:
  // At most `budget_bytes` of frames live at once; what is over is refused (and counted by the caller).
  static Result<std::shared_ptr<PacketMemory>> create(size_t budget_bytes);
  ~PacketMemory();
  PacketMemory(const PacketMemory&) = delete;
  PacketMemory& operator=(const PacketMemory&) = delete;

  // Copies the pieces, one after another, into a region of their own. Fails with `exhausted` over the budget.
  Result<PacketBuffer> store(std::span<const iovec> pieces, Room room = {});

  size_t live_bytes() const { return live_bytes_.load(std::memory_order_relaxed); }

  static constexpr size_t max_region_bytes = size_t{64} << 20;

 private:
  friend class PacketBuffer;
  static constexpr size_t page_bytes = 4096;
  static constexpr unsigned class_count =
      15;  // 4 KiB, 8 KiB, … 64 MiB: address space only, untouched pages cost nothing
  static size_t class_bytes(unsigned size_class) { return page_bytes << size_class; }
  static unsigned class_for(size_t size);

  PacketMemory(UniqueFd fd, const std::byte* mapping, size_t file_bytes, size_t budget_bytes);
  Result<off_t> take(unsigned size_class);
  void give_back(off_t offset, size_t size, unsigned size_class);

  // Constant after construction.
  const UniqueFd fd_;
  const std::byte* const mapping_;
  const size_t file_bytes_;
  const size_t budget_bytes_;

  std::atomic<size_t> live_bytes_{0};
  Mutex mutex_;
  std::array<std::vector<off_t>, class_count> free_ GUARDED_BY(mutex_);
  off_t never_used_ GUARDED_BY(mutex_) = 0;
};

}  // namespace camweave
