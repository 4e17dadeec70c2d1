// PacketMemory: where the server keeps encoded frames: one memfd of its own, so that a frame goes to any number of plain
// TCP clients by sendfile of the pages themselves, without a copy per client. Thread-safe.
//
// The rule that makes sendfile safe (docs/design/0002-frame-path.md): pages that may still lie in a socket's queue are
// never written again. A region's pages are punched out of the file when its last reference goes (queued pages live on
// with their sockets), so a region that is handed out again always gets new pages; and a session holds its reference until
// the kernel has taken the last byte.
#pragma once

#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace camweave {

class PacketMemory;

// One region; move-only; immutable after store(). Gives its pages back when destroyed (any thread).
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

 private:
  friend class PacketMemory;
  PacketBuffer(std::shared_ptr<PacketMemory> memory, off_t offset, size_t size, unsigned size_class)
      : memory_(std::move(memory)), offset_(offset), size_(size), size_class_(size_class) {}
  void give_back();

  std::shared_ptr<PacketMemory> memory_;
  off_t offset_ = 0;
  size_t size_ = 0;
  unsigned size_class_ = 0;
};

class PacketMemory : public std::enable_shared_from_this<PacketMemory> {
 public:
  // At most `budget_bytes` of frames live at once; what is over is refused (and counted by the caller).
  static Result<std::shared_ptr<PacketMemory>> create(size_t budget_bytes);
  ~PacketMemory();
  PacketMemory(const PacketMemory&) = delete;
  PacketMemory& operator=(const PacketMemory&) = delete;

  // Copies the pieces, one after another, into a region of their own. Fails with `exhausted` over the budget.
  Result<PacketBuffer> store(std::span<const iovec> pieces);

  size_t live_bytes() const { return live_bytes_.load(std::memory_order_relaxed); }

  static constexpr size_t max_region_bytes = size_t{64} << 20;

 private:
  friend class PacketBuffer;
  static constexpr size_t page_bytes = 4096;
  static constexpr unsigned class_count = 15;  // 4 KiB, 8 KiB, … 64 MiB: address space only, untouched pages cost nothing
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
