// The shared memory between worker and server: a memfd of equal slots. The worker writes packets, the server reads them;
// nothing but bytes lies there, all metadata travels in messages (design section 1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace camweave::ipc {

// Worker side: creates, maps and seals the memfd (SHRINK, GROW, FUTURE_WRITE, SEAL), and hands out slots. Thread-safe.
class PacketPool {
 public:
  static Result<PacketPool> create(uint32_t slot_count, uint64_t slot_bytes);
  PacketPool(PacketPool&& other) noexcept;
  ~PacketPool();

  int fd() const { return fd_.get(); }
  uint32_t slot_count() const { return slot_count_; }
  uint64_t slot_bytes() const { return slot_bytes_; }

  // A free slot, or none: then the worker drops the frame and counts it; it never waits for the server.
  std::optional<uint32_t> take();
  void give_back(uint32_t slot);  // out of range or free already: ignored (the server may lie)
  std::span<std::byte> bytes(uint32_t slot);

 private:
  PacketPool(UniqueFd fd, std::byte* mapping, uint32_t slot_count, uint64_t slot_bytes);

  UniqueFd fd_;
  std::byte* mapping_ = nullptr;
  uint32_t slot_count_ = 0;
  uint64_t slot_bytes_ = 0;
  Mutex mutex_;
  std::vector<uint32_t> free_ GUARDED_BY(mutex_);
  std::vector<bool> is_free_ GUARDED_BY(mutex_);
};

// Server side: the same memory, seals and size checked, mapped read-only.
class MappedPool {
 public:
  // Refuses with `protocol` a descriptor that is no memfd, is smaller than announced or lacks a seal.
  static Result<MappedPool> map(UniqueFd fd, uint32_t slot_count, uint64_t slot_bytes);
  MappedPool(MappedPool&& other) noexcept;
  MappedPool& operator=(MappedPool&& other) noexcept;
  ~MappedPool();

  uint32_t slot_count() const { return slot_count_; }
  // The bytes of one packet; `protocol` error when slot or size are out of bounds. The worker may change them at any
  // moment: copy first, then look.
  Result<std::span<const std::byte>> packet(uint32_t slot, uint64_t size_bytes) const;

 private:
  MappedPool(const std::byte* mapping, uint32_t slot_count, uint64_t slot_bytes)
      : mapping_(mapping), slot_count_(slot_count), slot_bytes_(slot_bytes) {}

  const std::byte* mapping_ = nullptr;
  uint32_t slot_count_ = 0;
  uint64_t slot_bytes_ = 0;
};

}  // namespace camweave::ipc
