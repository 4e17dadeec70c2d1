#include "net/readiness.h"

#include <sys/epoll.h>

#include <array>
#include <utility>

namespace camweave {

Result<std::unique_ptr<ReadinessSet>> ReadinessSet::create(std::function<void(std::function<void()>)> post) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("I/O loop: epoll");
  return std::unique_ptr<ReadinessSet>(new ReadinessSet(std::move(epoll), std::move(post)));
}

ReadinessSet::ReadinessSet(UniqueFd epoll, std::function<void(std::function<void()>)> post)
    : epoll_(std::move(epoll)), post_(std::move(post)) {}

ReadinessSet::~ReadinessSet() { drop_all(); }

void ReadinessSet::drop_all() {
  let_go();  // the loop may have been stopped before the task that does it
  while (!watches_.empty()) {
    SocketWatch& watch = watches_.front();
    watches_.pop_front();
    let_go_.push_back(std::exchange(watch.reader_, nullptr));
    let_go_.push_back(std::exchange(watch.writer_, nullptr));
    let_go();
  }
}

void ReadinessSet::dispatch() {
  std::array<epoll_event, 128> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  is_dispatching_ = true;
  for (int i = 0; i < count; ++i) {
    SocketWatch& watch = *static_cast<SocketWatch*>(events[static_cast<size_t>(i)].data.ptr);
    if (watch.has_ended_) continue;
    const uint32_t what = events[static_cast<size_t>(i)].events;
    constexpr uint32_t dead = EPOLLERR | EPOLLHUP;  // found out by reading or writing
    watch.armed_ = 0;
    const Handler reader = what & (EPOLLIN | dead) ? std::exchange(watch.reader_, nullptr) : nullptr;
    const Handler writer = what & (EPOLLOUT | dead) ? std::exchange(watch.writer_, nullptr) : nullptr;
    watch.is_in_dispatch_ = true;  // what its handlers ask for goes to the kernel in one call after them
    if (reader) reader->on_readable();
    if (writer && !watch.has_ended_) writer->on_writable();
    watch.is_in_dispatch_ = false;
    if (!watch.has_ended_) arm(watch);
  }
  is_dispatching_ = false;
  ended_.clear();
  let_go();
}

void ReadinessSet::arm(SocketWatch& watch) {
  const uint32_t wanted = (watch.reader_ ? EPOLLIN : 0u) | (watch.writer_ ? EPOLLOUT : 0u);
  if (wanted == 0) {
    if (watch.is_linked()) watch.unlink();
    return;
  }
  if (!watch.is_linked()) watches_.push_back(watch);
  if (wanted == watch.armed_) return;
  epoll_event event{};
  event.events = wanted | EPOLLONESHOT;
  event.data.ptr = &watch;
  const int operation = watch.is_known_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_.get(), operation, watch.fd_, &event) != 0) {  // out of memory: nobody will ever call them
    let_go_later(std::exchange(watch.reader_, nullptr));
    let_go_later(std::exchange(watch.writer_, nullptr));
    if (watch.is_linked()) watch.unlink();
    return;
  }
  watch.is_known_ = true;
  watch.armed_ = wanted;
}

void ReadinessSet::let_go_later(Handler handler) {
  if (!handler) return;
  let_go_.push_back(std::move(handler));
  if (is_dispatching_ || std::exchange(lets_go_soon_, true)) return;
  post_([this] {
    lets_go_soon_ = false;
    let_go();
  });
}

// A session that ends may let go of others.
void ReadinessSet::let_go() {
  while (!let_go_.empty()) {
    const Handler last = std::move(let_go_.back());
    let_go_.pop_back();
  }
}

void SocketWatch::wait(Handler& slot, Handler handler) {
  if (slot) return;
  slot = std::move(handler);
  if (!is_in_dispatch_) set_.arm(*this);
}

void SocketWatch::end(std::unique_ptr<SocketWatch> watch) {
  ReadinessSet& set = watch->set_;
  watch->has_ended_ = true;
  if (watch->is_linked()) watch->unlink();
  set.let_go_later(std::exchange(watch->reader_, nullptr));
  set.let_go_later(std::exchange(watch->writer_, nullptr));
  if (watch->is_known_) ::epoll_ctl(set.epoll_.get(), EPOLL_CTL_DEL, watch->fd_, nullptr);
  if (set.is_dispatching_) set.ended_.push_back(std::move(watch));
}

}  // namespace camweave
