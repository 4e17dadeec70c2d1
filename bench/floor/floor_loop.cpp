// See floor_loop.h.
#include "floor_loop.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <array>

#include "../common/tcp.h"

namespace bench {

FloorLoop::FloorLoop(const FloorOptions& options) : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

uint16_t FloorLoop::start() {
  const uint16_t port = listen_on_loopback();
  if (port == 0) return 0;
  start_frame_clock();
  watch(listener_.get(), EPOLLIN);
  watch(timer_.get(), EPOLLIN);
  return port;
}

uint16_t FloorLoop::listen_on_loopback() {
  listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  set_option(listener_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_congestion_control(listener_.get(), options_.congestion);
  sockaddr_in address{};
  parse_ipv4("127.0.0.1", options_.port, address);
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 0;
  if (listen(listener_.get(), 4096) != 0) return 0;
  socklen_t size = sizeof address;
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void FloorLoop::start_frame_clock() {
  timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const auto period_ns = static_cast<long>(1e9 / options_.fps);
  const timespec period{period_ns / 1'000'000'000, period_ns % 1'000'000'000};
  const itimerspec every{period, period};
  timerfd_settime(timer_.get(), 0, &every, nullptr);
}

void FloorLoop::watch(int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void FloorLoop::run(Owner& owner) {
  std::array<epoll_event, 256> events;
  while (true) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.fd == listener_.get()) {
        accept_all(owner);
      } else if (event.data.fd == timer_.get()) {
        tick(owner);
      } else {
        owner.on_events(event.data.fd, event.events);
      }
    }
  }
}

void FloorLoop::accept_all(Owner& owner) {
  while (true) {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(options_.notsent_lowat_bytes));
    // Edge-triggered: EPOLLOUT comes only after a send that found no room, so a fast client costs no event.
    watch(fd.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    owner.on_accepted(std::move(fd));
  }
}

void FloorLoop::tick(Owner& owner) {
  uint64_t frames = 0;
  if (read(timer_.get(), &frames, sizeof frames) == sizeof frames) owner.on_tick(frames);
}

}  // namespace bench
