#include "capture/libcamera/mapped_buffer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace camweave::libcam {

Result<MappedBuffer> MappedBuffer::map(const BufferMemory& memory) {
  MappedBuffer buffer;
  if (memory.empty()) return Error{ErrorCode::protocol, "a buffer without memory"};
  for (const PlaneMemory& plane : memory) {
    const auto mapping = buffer.mapping_of(plane, memory);
    if (!mapping) return mapping.error();
    const Mapping& mapped = **mapping;
    if (plane.offset_bytes > mapped.size_bytes || plane.size_bytes > mapped.size_bytes - plane.offset_bytes) {
      return Error{ErrorCode::protocol, fmt::format("a plane of {} bytes at {} in a memory of {} bytes",
                                                    plane.size_bytes, plane.offset_bytes, mapped.size_bytes)};
    }
    buffer.planes_.emplace_back(static_cast<const std::byte*>(mapped.address) + plane.offset_bytes, plane.size_bytes);
  }
  return buffer;
}

Result<const MappedBuffer::Mapping*> MappedBuffer::mapping_of(const PlaneMemory& plane, const BufferMemory& memory) {
  const auto known = std::ranges::find(original_fds_, plane.fd);
  if (known != original_fds_.end()) return &mappings_[static_cast<size_t>(known - original_fds_.begin())];
  size_t size_bytes = 0;  // what the planes in it say
  for (const PlaneMemory& other : memory) {
    if (other.fd == plane.fd) size_bytes = std::max(size_bytes, other.offset_bytes + other.size_bytes);
  }
  // What it really has, where it can be asked: memory behind the end would be a SIGBUS.
  if (const off_t end = ::lseek(plane.fd, 0, SEEK_END); end > 0)
    size_bytes = std::min(size_bytes, static_cast<size_t>(end));
  UniqueFd own(::fcntl(plane.fd, F_DUPFD_CLOEXEC, 0));
  if (!own) return system_error("keeping a buffer's descriptor");
  void* address = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, own.get(), 0);
  if (address == MAP_FAILED) return system_error("mapping a buffer");
  mappings_.push_back({std::move(own), address, size_bytes});
  original_fds_.push_back(plane.fd);
  return &mappings_.back();
}

MappedBuffer& MappedBuffer::operator=(MappedBuffer&& other) noexcept {
  if (this == &other) return *this;
  unmap();
  mappings_ = std::move(other.mappings_);
  original_fds_ = std::move(other.original_fds_);
  planes_ = std::move(other.planes_);
  return *this;
}

MappedBuffer::~MappedBuffer() { unmap(); }

void MappedBuffer::unmap() {
  for (const Mapping& mapping : mappings_) ::munmap(mapping.address, mapping.size_bytes);
  mappings_.clear();
}

void MappedBuffer::sync(uint64_t flags) const {
  for (const Mapping& mapping : mappings_) {
    dma_buf_sync request{flags};
    while (::ioctl(mapping.fd.get(), DMA_BUF_IOCTL_SYNC, &request) != 0 && (errno == EINTR || errno == EAGAIN)) {
    }  // other errors: no dmabuf, nothing to do
  }
}

void MappedBuffer::begin_read() const { sync(DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ); }
void MappedBuffer::end_read() const { sync(DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ); }

}  // namespace camweave::libcam
