#include "net/connection.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstddef>
#include <new>

namespace camweave {

namespace asio = boost::asio;

namespace {

// Room for one pending wait, so that waiting allocates nothing. What doesn't fit goes to the heap.
class WaitMemory {
 public:
  void* take(size_t bytes) {
    if (in_use_ || bytes > room_.size()) return ::operator new(bytes);
    in_use_ = true;
    return room_.data();
  }
  void give_back(void* memory) {
    if (memory == room_.data()) {
      in_use_ = false;
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) std::array<std::byte, 192> room_;
  bool in_use_ = false;
};

template <typename T>
struct WaitAllocator {
  using value_type = T;
  explicit WaitAllocator(WaitMemory& memory) : memory_(&memory) {}
  template <typename U>
  WaitAllocator(const WaitAllocator<U>& other) : memory_(other.memory_) {}  // NOLINT: as allocators convert
  T* allocate(size_t count) { return static_cast<T*>(memory_->take(count * sizeof(T))); }
  void deallocate(T* place, size_t) { memory_->give_back(place); }
  template <typename U>
  bool operator==(const WaitAllocator<U>& other) const { return memory_ == other.memory_; }

  WaitMemory* memory_;
};

}  // namespace

struct Connection::State {
  using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

  State(IoLoop& loop, int fd) : descriptor(loop.context().get_executor(), fd) {}

  Descriptor descriptor;
  bool is_reading = false;
  bool is_writing = false;
  WaitMemory read_memory;
  WaitMemory write_memory;
};

// A pending wait keeps the state (with the wait's memory) and the handler alive; asio gives the memory back before it calls.
struct Connection::Wait {
  using allocator_type = WaitAllocator<std::byte>;

  std::shared_ptr<State> state;
  std::shared_ptr<ReadinessHandler> handler;
  bool for_writing;

  allocator_type get_allocator() const noexcept {
    return allocator_type(for_writing ? state->write_memory : state->read_memory);
  }
  void operator()(const boost::system::error_code& error) const {
    (for_writing ? state->is_writing : state->is_reading) = false;
    if (error || !state->descriptor.is_open()) return;
    if (for_writing) {
      handler->on_writable();
    } else {
      handler->on_readable();
    }
  }
};

Connection::Connection(IoLoop& loop, UniqueFd fd, IpAddress peer, std::shared_ptr<void> held)
    : state_(std::make_shared<State>(loop, fd.release())), loop_(loop), peer_(peer), held_(std::move(held)) {}

Connection::~Connection() { close(); }

bool Connection::is_open() const { return state_->descriptor.is_open(); }

int Connection::fd() const { return is_open() ? state_->descriptor.native_handle() : -1; }

void Connection::wait_readable(std::shared_ptr<ReadinessHandler> handler) {
  if (!is_open() || std::exchange(state_->is_reading, true)) return;
  state_->descriptor.async_wait(State::Descriptor::wait_read, Wait{state_, std::move(handler), false});
}

void Connection::wait_writable(std::shared_ptr<ReadinessHandler> handler) {
  if (!is_open() || std::exchange(state_->is_writing, true)) return;
  state_->descriptor.async_wait(State::Descriptor::wait_write, Wait{state_, std::move(handler), true});
}

void Connection::close() {
  if (!is_open()) return;
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
  loop_.counters().add(NetCounter::connections_closed);
}

ptrdiff_t Connection::read(std::span<std::byte> into) {
  for (;;) {
    const ssize_t got = ::recv(fd(), into.data(), into.size(), 0);
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? would_block : failed;
  }
}

}  // namespace camweave
