#include "net/frame_pipe.h"

#include <fcntl.h>
#include <sys/sendfile.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace camweave {
namespace {

constexpr size_t page_bytes = 4096;

size_t pages_of(const WireImage& image) {
  return (static_cast<size_t>(image.offset) % page_bytes + image.size + page_bytes - 1) / page_bytes;
}

}  // namespace

ssize_t FramePipe::send(int socket, const WireImage& image) {
  const bool is_in_source = is_loaded(image) || (is_second_call_for(image) && load(image));
  if (is_in_source && (stock_.copies > 0 || refill())) return send_from_stock(socket);
  off_t offset = image.offset;
  return ::sendfile(socket, image.memory->fd(), &offset, image.size);
}

bool FramePipe::is_loaded(const WireImage& image) const {
  return loaded_.memory.get() == image.memory.get() && loaded_.offset == image.offset && loaded_.size == image.size;
}

// One client alone is served best by sendfile. What could not be loaded is not tried again for each client after the
// second.
bool FramePipe::is_second_call_for(const WireImage& image) {
  // By owner: a later image may have this one's address.
  const bool is_same = asked_for_offset_ == image.offset && !asked_for_.owner_before(image.memory) &&
                       !image.memory.owner_before(asked_for_);
  if (!is_same) {
    asked_for_ = image.memory;
    asked_for_offset_ = image.offset;
    asked_for_times_ = 0;
  }
  ++asked_for_times_;
  return asked_for_times_ == 2 && pages_of(image) * page_bytes <= largest_bytes;
}

bool FramePipe::load(const WireImage& image) {
  if (!unload()) return start_again();
  loaded_pages_ = pages_of(image);
  if (!make_room(source_) || !make_room(stock_)) return false;
  off_t offset = image.offset;
  for (size_t done = 0; done < image.size;) {
    const ssize_t got =
        ::splice(image.memory->fd(), &offset, source_.in.get(), nullptr, image.size - done, SPLICE_F_NONBLOCK);
    if (got <= 0) return start_again();
    done += static_cast<size_t>(got);
  }
  loaded_ = image;
  source_.copies = 1;
  was_refilled_ = false;
  return true;
}

bool FramePipe::unload() {
  const bool is_empty =
      discard(source_, source_.copies * loaded_.size) && discard(stock_, stock_.copies * loaded_.size);
  source_.copies = stock_.copies = 0;
  loaded_ = {};
  return is_empty;
}

// A user's pipes have a limit together: we take what we get.
bool FramePipe::make_room(Pipe& pipe) const {
  if (!pipe.in) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    pipe = {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
  const size_t wanted = std::min(std::bit_ceil(loaded_pages_ * most_copies) * page_bytes, largest_bytes);
  if (pipe.pages * page_bytes < wanted) {
    ::fcntl(pipe.in.get(), F_SETPIPE_SZ, static_cast<int>(wanted));
    pipe.pages = static_cast<size_t>(std::max(::fcntl(pipe.in.get(), F_GETPIPE_SZ), 0)) / page_bytes;
  }
  return loaded_pages_ <= pipe.pages;
}

// How many clients will come is not known: each refill but the first also doubles what the next one brings, as far as
// there is room.
bool FramePipe::refill() {
  if (!add_copies(source_, stock_)) return start_again();
  const bool is_first = !std::exchange(was_refilled_, true);
  const size_t doubled = 2 * source_.copies;
  const bool has_room = doubled * loaded_pages_ <= std::min(source_.pages, stock_.pages);
  if (is_first || doubled > most_copies || !has_room) return true;
  return add_copies(stock_, source_) || start_again();
}

bool FramePipe::add_copies(const Pipe& from, Pipe& to) const {
  const size_t bytes = from.copies * loaded_.size;
  const ssize_t got = ::tee(from.out.get(), to.in.get(), bytes, SPLICE_F_NONBLOCK);
  if (got != static_cast<ssize_t>(bytes)) return false;
  to.copies += from.copies;
  return true;
}

ssize_t FramePipe::send_from_stock(int socket) {
  is_used_ = true;
  const ssize_t sent = ::splice(stock_.out.get(), nullptr, socket, nullptr, loaded_.size, SPLICE_F_NONBLOCK);
  if (sent <= 0) return sent;  // the copy is still whole
  --stock_.copies;
  const size_t rest = loaded_.size - static_cast<size_t>(sent);
  if (rest > 0 && !discard(stock_, rest)) start_again();
  return sent;
}

bool FramePipe::forget_unused() {
  if (!std::exchange(is_used_, false) && !unload()) start_again();
  return static_cast<bool>(loaded_);
}

bool FramePipe::discard(const Pipe& pipe, size_t bytes) {
  if (bytes > 0 && !null_) null_.reset(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  while (bytes > 0) {
    const ssize_t gone = ::splice(pipe.out.get(), nullptr, null_.get(), nullptr, bytes, SPLICE_F_NONBLOCK);
    if (gone <= 0) return false;
    bytes -= static_cast<size_t>(gone);
  }
  return true;
}

// What is in the pipes is not what we believe: with new ones, from the next frame on.
bool FramePipe::start_again() {
  source_ = {};
  stock_ = {};
  loaded_ = {};
  return false;
}

}  // namespace camweave
