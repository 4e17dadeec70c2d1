// See image_store.h.
#include "image_store.h"

#include <fcntl.h>
#include <sys/mman.h>

namespace bench {
namespace {
constexpr size_t kPageBytes = 4096;
constexpr size_t kHeaderRoomBytes = 512;
}  // namespace

bool ImageStore::use_memfd(size_t slots, size_t largest_bytes) {
  slot_bytes_ = (largest_bytes + kHeaderRoomBytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  mapped_bytes_ = slots * slot_bytes_;
  memfd_ = UniqueFd(memfd_create("bench-floor", MFD_CLOEXEC));
  if (!memfd_ || ftruncate(memfd_.get(), static_cast<off_t>(mapped_bytes_)) != 0) return false;
  void* at = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, memfd_.get(), 0);
  if (at == MAP_FAILED) return false;
  mapped_ = static_cast<std::byte*>(at);
  for (size_t i = slots; i-- > 0;) free_offsets_.push_back(i * slot_bytes_);
  return true;
}

ImageStore::~ImageStore() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
}

ImagePtr ImageStore::take(size_t header_bytes, size_t body_bytes) {
  ImagePtr image;
  if (memfd_) {
    image = take_slot(header_bytes + body_bytes);
  } else {
    image = std::make_shared<Image>();
    image->heap.resize(header_bytes + body_bytes);
    image->bytes = image->heap;
  }
  if (image) image->header_bytes = header_bytes;
  return image;
}

ImagePtr ImageStore::take_slot(size_t bytes) {
  if (free_offsets_.empty() || bytes > slot_bytes_) return nullptr;
  const size_t offset = free_offsets_.back();
  free_offsets_.pop_back();
  fallocate(memfd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
            static_cast<off_t>(slot_bytes_));
  ImagePtr image(new Image, [this](Image* done) {
    free_offsets_.push_back(done->file_offset);
    delete done;
  });
  image->file_offset = offset;
  image->bytes = {mapped_ + offset, bytes};
  return image;
}

}  // namespace bench
