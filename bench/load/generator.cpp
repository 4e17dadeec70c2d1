// See generator.h.
#include "generator.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

namespace bench {
namespace {

std::chrono::nanoseconds seconds(double value) { return nanoseconds(static_cast<int64_t>(value * 1e9)); }

}  // namespace

Generator::Generator(const Options& options, FrameLog& log, std::function<void(const char*)> say)
    : options_(options), log_(log), say_(std::move(say)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  connections_.reserve(options.clients);
  for (uint32_t i = 0; i < options.clients; ++i) {
    connections_.emplace_back(options, log, i, i < options.slow_clients ? Speed::Slow : Speed::Fast);
  }
  started_.assign(options.clients, false);
}

void Generator::run() { options_.churn_cycles > 0 ? run_churn() : run_window(); }

void Generator::run_window() {
  const auto all_started = [this] { return opened_ == options_.clients && waiting_for_first_ == 0; };
  if (!turn_until(Monotonic::now() + seconds(options_.connect_timeout_s), all_started)) {
    log_.count_fault("not every client had its first frame in time");
  }
  const auto never = [] { return false; };
  turn_until(Monotonic::now() + seconds(options_.warmup_s), never);
  say_("ready");
  log_.begin_window();
  turn_until(Monotonic::now() + seconds(options_.seconds), never);
  log_.end_window();
  say_("done");
}

void Generator::run_churn() {
  say_("ready");
  log_.begin_window();
  const auto enough = [this] { return cycles_ >= options_.churn_cycles; };
  const auto limit = seconds(options_.connect_timeout_s + options_.seconds);
  if (!turn_until(Monotonic::now() + limit, enough)) log_.count_fault("not every cycle was done in time");
  log_.end_window();
  say_("done");
}

bool Generator::turn_until(Monotonic::time_point deadline, const std::function<bool()>& done) {
  while (!done()) {
    if (Monotonic::now() >= deadline) return false;
    open_more();
    turn(deadline);
  }
  return true;
}

void Generator::turn(Monotonic::time_point deadline) {
  if (!resumes_.empty()) deadline = std::min(deadline, resumes_.top().at);
  const auto left = std::max(nanoseconds(0), std::chrono::duration_cast<nanoseconds>(deadline - Monotonic::now()));
  const timespec timeout{static_cast<time_t>(left.count() / 1'000'000'000),
                         static_cast<long>(left.count() % 1'000'000'000)};
  std::array<epoll_event, 256> events;
  const int count = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i)
    on_event(events[static_cast<size_t>(i)].data.u32, events[static_cast<size_t>(i)].events);
  read_resumed();
}

void Generator::open_more() {
  while (opened_ < options_.clients && waiting_for_first_ < options_.most_starting) open_one(opened_++);
}

void Generator::open_one(uint32_t index) {
  ++waiting_for_first_;
  started_[index] = false;
  Connection& connection = connections_[index];
  if (!connection.open(Monotonic::now())) return on_outcome(index, Connection::Outcome::Closed);
  watch(index, EPOLLOUT, EPOLL_CTL_ADD);
}

void Generator::watch(uint32_t index, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u32 = index;
  epoll_ctl(epoll_.get(), operation, connections_[index].fd(), &event);
}

void Generator::on_event(uint32_t index, uint32_t events) {
  Connection& connection = connections_[index];
  if (connection.fd() < 0) return;
  if (!connection.connecting()) return on_outcome(index, connection.on_readable(Monotonic::now()));
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
  const Connection::Outcome outcome = connection.on_connected();
  if (outcome == Connection::Outcome::Wait) watch(index, EPOLLIN, EPOLL_CTL_MOD);
  on_outcome(index, outcome);
}

void Generator::on_outcome(uint32_t index, Connection::Outcome outcome) {
  Connection& connection = connections_[index];
  const bool closed = outcome == Connection::Outcome::Closed;
  if (!started_[index] && (closed || connection.has_frame())) {
    started_[index] = true;
    --waiting_for_first_;
  }
  if (outcome == Connection::Outcome::Throttled) {
    watch(index, 0, EPOLL_CTL_MOD);
    resumes_.push({connection.resume_at(), index});
  }
  if (options_.churn_cycles == 0) return;
  if (outcome == Connection::Outcome::Frame || closed) {
    connection.close();
    if (++cycles_ < options_.churn_cycles) open_one(index);
  }
}

void Generator::read_resumed() {
  while (!resumes_.empty() && resumes_.top().at <= Monotonic::now()) {
    const uint32_t index = resumes_.top().index;
    resumes_.pop();
    if (connections_[index].fd() < 0) continue;
    watch(index, EPOLLIN, EPOLL_CTL_MOD);
    on_outcome(index, connections_[index].on_readable(Monotonic::now()));
  }
}

}  // namespace bench
