// Counts what one thread of a test program allocates and which system calls it makes. The program defines operator new
// and the C library's wrappers itself (counted_calls.cpp, linked into the
// tests that count); not in sanitized builds, which bring their own.
#pragma once

#include <cstdint>

namespace camweave {

struct CountedCalls {
  uint64_t allocations = 0, sendfile = 0, splice = 0, tee = 0, other_socket_calls = 0, epoll_ctl = 0, epoll_wait = 0;
};
extern thread_local bool counts_here;  // the thread's own switch
extern CountedCalls counted_calls;     // written by that thread alone

}  // namespace camweave
