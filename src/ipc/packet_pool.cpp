#include "ipc/packet_pool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "ipc/messages.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace camweave::ipc {
namespace {

constexpr int all_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

bool within_bounds(uint32_t slot_count, uint64_t slot_bytes) {
  return slot_count >= 1 && slot_count <= max_slots && slot_bytes >= 1 && slot_bytes <= max_slot_bytes;
}

Error broken(std::string_view what) { return Error{ErrorCode::protocol, fmt::format("packet pool: {}", what)}; }

}  // namespace

Result<PacketPool> PacketPool::create(uint32_t slot_count, uint64_t slot_bytes) {
  if (!within_bounds(slot_count, slot_bytes)) {
    return Error{ErrorCode::invalid_argument, fmt::format("packet pool: {} slots of {} bytes", slot_count, slot_bytes)};
  }
  const uint64_t size = slot_count * slot_bytes;
  UniqueFd fd(::memfd_create("camweave-slots", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return system_error("packet pool: memfd_create");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return system_error("packet pool: ftruncate");
  void* mapping = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (mapping == MAP_FAILED) return system_error("packet pool: mmap");
  PacketPool pool(std::move(fd), static_cast<std::byte*>(mapping), slot_count, slot_bytes);
  // After our own writable mapping: FUTURE_WRITE leaves that one alone and refuses all later ones.
  if (::fcntl(pool.fd(), F_ADD_SEALS, all_seals) != 0) return system_error("packet pool: sealing");
  return pool;
}

PacketPool::PacketPool(UniqueFd fd, std::byte* mapping, uint32_t slot_count, uint64_t slot_bytes)
    : fd_(std::move(fd)), mapping_(mapping), slot_count_(slot_count), slot_bytes_(slot_bytes) {
  is_free_.assign(slot_count, true);
  for (uint32_t slot = slot_count; slot-- > 0;) free_.push_back(slot);
}

PacketPool::PacketPool(PacketPool&& other) noexcept
    : fd_(std::move(other.fd_)),
      mapping_(std::exchange(other.mapping_, nullptr)),
      slot_count_(std::exchange(other.slot_count_, 0)),
      slot_bytes_(other.slot_bytes_) {
  MutexLock lock(other.mutex_);
  free_ = std::move(other.free_);
  is_free_ = std::move(other.is_free_);
}

PacketPool::~PacketPool() {
  if (mapping_) ::munmap(mapping_, slot_count_ * slot_bytes_);
}

std::optional<uint32_t> PacketPool::take() {
  MutexLock lock(mutex_);
  if (free_.empty()) return std::nullopt;
  // The one that came back last: its pages are the likeliest to be in the cache.
  const uint32_t slot = free_.back();
  free_.pop_back();
  is_free_[slot] = false;
  return slot;
}

void PacketPool::give_back(uint32_t slot) {
  MutexLock lock(mutex_);
  if (slot >= is_free_.size() || is_free_[slot]) return;
  is_free_[slot] = true;
  free_.push_back(slot);
}

std::span<std::byte> PacketPool::bytes(uint32_t slot) {
  assert(slot < slot_count_);
  return {mapping_ + slot * slot_bytes_, slot_bytes_};
}

Result<MappedPool> MappedPool::map(UniqueFd fd, uint32_t slot_count, uint64_t slot_bytes) {
  if (!within_bounds(slot_count, slot_bytes))
    return broken(fmt::format("{} slots of {} bytes", slot_count, slot_bytes));
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0) return broken("the descriptor is no memfd");
  if ((seals & all_seals) != all_seals) return broken(fmt::format("seals {:#x} are missing", all_seals & ~seals));
  const uint64_t size = slot_count * slot_bytes;
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error("packet pool: fstat");
  if (status.st_size < 0 || static_cast<uint64_t>(status.st_size) < size) {
    return broken(fmt::format("{} bytes, smaller than the announced {}", status.st_size, size));
  }
  void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (mapping == MAP_FAILED) return system_error("packet pool: mmap");
  return MappedPool(static_cast<const std::byte*>(mapping), slot_count, slot_bytes);
}

MappedPool::MappedPool(MappedPool&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      slot_count_(other.slot_count_),
      slot_bytes_(other.slot_bytes_) {}

MappedPool& MappedPool::operator=(MappedPool&& other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(slot_count_, other.slot_count_);
  std::swap(slot_bytes_, other.slot_bytes_);
  return *this;
}

MappedPool::~MappedPool() {
  if (mapping_) ::munmap(const_cast<std::byte*>(mapping_), slot_count_ * slot_bytes_);
}

Result<std::span<const std::byte>> MappedPool::packet(uint32_t slot, uint64_t size_bytes) const {
  if (slot >= slot_count_) return broken(fmt::format("slot {} of {}", slot, slot_count_));
  if (size_bytes == 0 || size_bytes > slot_bytes_) {
    return broken(fmt::format("a packet of {} bytes in slots of {}", size_bytes, slot_bytes_));
  }
  return std::span(mapping_ + slot * slot_bytes_, size_bytes);
}

}  // namespace camweave::ipc
