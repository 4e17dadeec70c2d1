// See page_pipe.h.
#include "page_pipe.h"

#include <fcntl.h>

#include <bit>

namespace bench {
namespace {
constexpr size_t kPageBytes = 4096;
}

bool PagePipe::open(size_t largest_bytes) {
  null_ = UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const size_t bytes = std::bit_ceil(largest_bytes + kPageBytes);
  return null_ && open(source_, bytes) && open(copy_, bytes);
}

bool PagePipe::open(Pipe& pipe, size_t bytes) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  pipe.out = UniqueFd(ends[0]);
  pipe.in = UniqueFd(ends[1]);
  return fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(bytes)) >= 0;
}

bool PagePipe::load(int file, off_t offset, size_t bytes) {
  if (!discard(source_, loaded_bytes_) || !discard(copy_, copied_bytes_)) return false;
  loaded_bytes_ = copied_bytes_ = 0;
  while (loaded_bytes_ < bytes) {
    const ssize_t got = splice(file, &offset, source_.in.get(), nullptr, bytes - loaded_bytes_, SPLICE_F_NONBLOCK);
    if (got <= 0) return false;
    loaded_bytes_ += static_cast<size_t>(got);
  }
  return true;
}

// A copy that a full socket refused, or took a part of, is the next client's or thrown away.
ssize_t PagePipe::send(int socket) {
  if (copied_bytes_ == 0) {
    const ssize_t copied = tee(source_.out.get(), copy_.in.get(), loaded_bytes_, SPLICE_F_NONBLOCK);
    if (copied < 0) return copied;
    copied_bytes_ = static_cast<size_t>(copied);
  }
  const ssize_t sent = splice(copy_.out.get(), nullptr, socket, nullptr, copied_bytes_, SPLICE_F_NONBLOCK);
  if (sent <= 0) return sent;
  if (!discard(copy_, copied_bytes_ - static_cast<size_t>(sent))) return -1;
  copied_bytes_ = 0;
  return sent;
}

bool PagePipe::discard(const Pipe& pipe, size_t bytes) {
  while (bytes > 0) {
    const ssize_t gone = splice(pipe.out.get(), nullptr, null_.get(), nullptr, bytes, SPLICE_F_NONBLOCK);
    if (gone <= 0) return false;
    bytes -= static_cast<size_t>(gone);
  }
  return true;
}

}  // namespace bench
