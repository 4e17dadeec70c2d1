// MappedBuffer: a camera's buffer in our memory, mapped once for as long as it is used. Its planes may lie in one
// memory object or in several, at any offset. Movable; immutable otherwise. The descriptors need not stay open.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "capture/libcamera/camera_system.h"

namespace camweave::libcam {

class MappedBuffer {
 public:
  // `protocol` where a plane would lie outside of its memory.
  static Result<MappedBuffer> map(const BufferMemory& memory);
  MappedBuffer(MappedBuffer&&) noexcept = default;
  MappedBuffer& operator=(MappedBuffer&& other) noexcept;
  ~MappedBuffer();

  size_t plane_count() const { return planes_.size(); }
  std::span<const std::byte> plane(size_t index) const { return planes_[index]; }

  // Around each time the CPU reads it: a dmabuf's caches are not coherent everywhere.
  void begin_read() const;
  void end_read() const;

 private:
  struct Mapping {
    UniqueFd fd;  // our own
    void* address;
    size_t size_bytes;
  };
  MappedBuffer() = default;
  Result<const Mapping*> mapping_of(const PlaneMemory& plane, const BufferMemory& memory);
  void sync(uint64_t flags) const;
  void unmap();

  std::vector<Mapping> mappings_;
  std::vector<int> original_fds_;  // of each mapping: only for comparing while mapping
  std::vector<std::span<const std::byte>> planes_;
};

}  // namespace camweave::libcam
