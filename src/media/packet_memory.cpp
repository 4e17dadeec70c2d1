#include "media/packet_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <bit>
#include <utility>

namespace camweave {

PacketBuffer::PacketBuffer(PacketBuffer&& other) noexcept
    : memory_(std::move(other.memory_)),
      offset_(other.offset_),
      size_(std::exchange(other.size_, 0)),
      room_(other.room_),
      size_class_(other.size_class_),
      has_ends_(other.has_ends_.load(std::memory_order_relaxed)) {}

PacketBuffer& PacketBuffer::operator=(PacketBuffer&& other) noexcept {
  if (this != &other) {
    give_back();
    memory_ = std::move(other.memory_);
    offset_ = other.offset_;
    size_ = std::exchange(other.size_, 0);
    room_ = other.room_;
    size_class_ = other.size_class_;
    has_ends_ = other.has_ends_.load(std::memory_order_relaxed);
  }
  return *this;
}

PacketBuffer::~PacketBuffer() { give_back(); }

void PacketBuffer::give_back() {
  if (memory_) memory_->give_back(offset_ - room_.head_bytes, size_, size_class_);
  memory_.reset();
}

std::span<const std::byte> PacketBuffer::bytes() const {
  return memory_ ? std::span(memory_->mapping_ + offset_, size_) : std::span<const std::byte>();
}

bool PacketBuffer::write_ends(std::string_view head, std::string_view tail) const {
  if (!memory_ || head.size() > room_.head_bytes || tail.size() > room_.tail_bytes) return false;
  if (has_ends_.exchange(true, std::memory_order_relaxed)) return false;
  const auto write = [fd = fd()](std::string_view bytes, off_t at) {
    return bytes.empty() || ::pwrite(fd, bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size());
  };
  return write(head, offset_ - static_cast<off_t>(head.size())) && write(tail, offset_ + static_cast<off_t>(size_));
}

int PacketBuffer::fd() const { return memory_ ? memory_->fd_.get() : -1; }

Result<std::shared_ptr<PacketMemory>> PacketMemory::create(size_t budget_bytes) {
  // Sparse: address space for the worst fragmentation between the size classes; only stored frames take memory.
  const size_t file_bytes = std::max(budget_bytes * 4, max_region_bytes * 4);
  UniqueFd fd(::memfd_create("camweave-packets", MFD_CLOEXEC));
  if (!fd) return system_error("packet memory: memfd_create");
  if (::ftruncate(fd.get(), static_cast<off_t>(file_bytes)) != 0) return system_error("packet memory: ftruncate");
  void* mapping = ::mmap(nullptr, file_bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  if (mapping == MAP_FAILED) return system_error("packet memory: mmap");
  return std::shared_ptr<PacketMemory>(
      new PacketMemory(std::move(fd), static_cast<const std::byte*>(mapping), file_bytes, budget_bytes));
}

PacketMemory::PacketMemory(UniqueFd fd, const std::byte* mapping, size_t file_bytes, size_t budget_bytes)
    : fd_(std::move(fd)), mapping_(mapping), file_bytes_(file_bytes), budget_bytes_(budget_bytes) {}

PacketMemory::~PacketMemory() { ::munmap(const_cast<std::byte*>(mapping_), file_bytes_); }

unsigned PacketMemory::class_for(size_t size) {
  const size_t pages = (size + page_bytes - 1) / page_bytes;
  return static_cast<unsigned>(std::bit_width(std::bit_ceil(std::max<size_t>(pages, 1))) - 1);
}

Result<PacketBuffer> PacketMemory::store(std::span<const iovec> pieces, Room room) {
  size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  const size_t with_room = size + room.head_bytes + room.tail_bytes;
  if (with_room > max_region_bytes) return Error{ErrorCode::exhausted, "packet memory: a frame over 64 MiB"};
  if (live_bytes_.fetch_add(size, std::memory_order_relaxed) + size > budget_bytes_) {
    live_bytes_ -= size;
    return Error{ErrorCode::exhausted, "packet memory: the budget for frames is used up"};
  }
  const unsigned size_class = class_for(with_room);
  auto offset = take(size_class);
  if (!offset) {
    live_bytes_ -= size;
    return offset.error();
  }
  const off_t begin = *offset + room.head_bytes;
  PacketBuffer buffer(shared_from_this(), begin, size, room, size_class);
  // pwritev and not a writable mapping: it fills new pages without a fault for each.
  const ssize_t written = ::pwritev(fd_.get(), pieces.data(), static_cast<int>(pieces.size()), begin);
  if (written < 0) return system_error("packet memory: write");
  if (static_cast<size_t>(written) != size) return Error{ErrorCode::exhausted, "packet memory: no memory for a frame"};
  return buffer;
}

Result<off_t> PacketMemory::take(unsigned size_class) {
  MutexLock lock(mutex_);
  auto& free = free_[size_class];
  if (!free.empty()) {
    const off_t offset = free.back();
    free.pop_back();
    return offset;
  }
  const off_t offset = never_used_;
  if (static_cast<size_t>(offset) + class_bytes(size_class) > file_bytes_) {
    return Error{ErrorCode::exhausted, "packet memory: no room left for a frame of this size"};
  }
  never_used_ += static_cast<off_t>(class_bytes(size_class));
  return offset;
}

void PacketMemory::give_back(off_t offset, size_t size, unsigned size_class) {
  ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, static_cast<off_t>(class_bytes(size_class)));
  live_bytes_ -= size;
  MutexLock lock(mutex_);
  free_[size_class].push_back(offset);
}

}  // namespace camweave
