#include "net/counted_calls/counted_calls.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

namespace camweave {
thread_local bool counts_here = false;
CountedCalls counted_calls;
}  // namespace camweave

#if !defined(CAMWEAVE_SANITIZED)

using camweave::counted_calls;
using camweave::counts_here;

void* operator new(size_t bytes) {
  if (counts_here) ++counted_calls.allocations;
  void* place = std::malloc(bytes);
  if (!place) throw std::bad_alloc();
  return place;
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, size_t) noexcept { std::free(place); }

extern "C" {
ssize_t sendfile(int out, int in, off_t* offset, size_t bytes) noexcept {
  if (counts_here) ++counted_calls.sendfile;
  return ::syscall(SYS_sendfile, out, in, offset, bytes);
}
ssize_t splice(int in, off64_t* in_offset, int out, off64_t* out_offset, size_t bytes, unsigned flags) {
  if (counts_here) ++counted_calls.splice;
  return ::syscall(SYS_splice, in, in_offset, out, out_offset, bytes, flags);
}
ssize_t tee(int in, int out, size_t bytes, unsigned flags) {
  if (counts_here) ++counted_calls.tee;
  return ::syscall(SYS_tee, in, out, bytes, flags);
}
ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  if (counts_here) ++counted_calls.other_socket_calls;
  return ::syscall(SYS_sendto, fd, bytes, size, flags, nullptr, 0);
}
ssize_t recv(int fd, void* bytes, size_t size, int flags) {
  if (counts_here) ++counted_calls.other_socket_calls;
  return ::syscall(SYS_recvfrom, fd, bytes, size, flags, nullptr, nullptr);
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  if (counts_here) ++counted_calls.epoll_ctl;
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}
int epoll_wait(int epoll, epoll_event* events, int most, int timeout_ms) {
  if (counts_here) ++counted_calls.epoll_wait;
  return static_cast<int>(::syscall(SYS_epoll_pwait, epoll, events, most, timeout_ms, nullptr, 0));
}
}

#endif
