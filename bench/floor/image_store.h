// Where the images of frames (header and body) live until the last client has sent them.
//
// For sendmsg an image is a heap buffer. For sendfile and splice it is a slot of one memfd, and one rule keeps it safe:
// pages that may still lie in a socket's queue are never written again. A slot is free when no client still has bytes
// of it to hand to the kernel; before it is written again its pages are punched out of the file. Those that a socket
// still queues live on with that socket, and the slot gets new ones.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "../common/unique_fd.h"

namespace bench {

struct Image {
  std::span<std::byte> bytes;  // writable until it is published
  size_t header_bytes = 0;
  size_t file_offset = 0;  // in the memfd
  uint64_t sequence = 0;
  std::vector<std::byte> heap;
};
using ImagePtr = std::shared_ptr<Image>;

class ImageStore {
 public:
  // A store of heap buffers.
  ImageStore() = default;
  // A memfd of `slots` slots, sparse: only what is written takes memory. False when the system refuses.
  bool use_memfd(size_t slots, size_t largest_bytes);
  ~ImageStore();
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  // An image of that size, or nullptr when every slot is in use. The store outlives its images.
  ImagePtr take(size_t header_bytes, size_t body_bytes);

  int fd() const { return memfd_.get(); }
  size_t slot_bytes() const { return slot_bytes_; }

 private:
  ImagePtr take_slot(size_t bytes);

  UniqueFd memfd_;
  std::byte* mapped_ = nullptr;
  size_t slot_bytes_ = 0;
  size_t mapped_bytes_ = 0;
  std::vector<size_t> free_offsets_;
};

}  // namespace bench
