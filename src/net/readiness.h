// ReadinessSet: which of a loop's sockets somebody waits for, and who. One epoll set of our own inside the loop: Asio's
// keeps some hundred bytes for each descriptor, and never gives them back. Thread-bound to the loop, but for
// constructing a SocketWatch.
//
// Who waits is kept alive by the wait, so a session lives as long as it waits for its socket. A wait that is dropped
// lets go of its handler later, never inside the call that dropped it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace camweave {

// Who is told that a socket is ready. Kept alive by the wait that it asked for.
class ReadinessHandler {
 public:
  virtual void on_readable() {}
  virtual void on_writable() {}

 protected:
  ~ReadinessHandler() = default;
};

class ReadinessSet;

// One socket.
class SocketWatch
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  using Handler = std::shared_ptr<ReadinessHandler>;

  SocketWatch(ReadinessSet& set, int fd) : set_(set), fd_(fd) {}

  // One call each. Asking again while a wait of that kind is pending does nothing.
  void wait_readable(Handler handler) { wait(reader_, std::move(handler)); }
  void wait_writable(Handler handler) { wait(writer_, std::move(handler)); }
  // No more events, before its descriptor is closed.
  static void end(std::unique_ptr<SocketWatch> watch);

 private:
  friend class ReadinessSet;
  void wait(Handler& slot, Handler handler);

  ReadinessSet& set_;
  const int fd_;
  bool is_known_ = false;  // to the kernel
  bool is_in_dispatch_ = false;
  bool has_ended_ = false;
  uint32_t armed_ = 0;  // the events that the kernel waits for
  Handler reader_;
  Handler writer_;
};

class ReadinessSet {
 public:
  // `post` runs a task on the loop, later.
  static Result<std::unique_ptr<ReadinessSet>> create(std::function<void(std::function<void()>)> post);
  ~ReadinessSet();

  int fd() const { return epoll_.get(); }  // readable when dispatch() has work
  void dispatch();
  // Lets go of everybody who waits or waited. Nothing is called any more.
  void drop_all();

 private:
  friend class SocketWatch;
  using Handler = std::shared_ptr<ReadinessHandler>;

  ReadinessSet(UniqueFd epoll, std::function<void(std::function<void()>)> post);
  void arm(SocketWatch& watch);
  void let_go_later(Handler handler);
  void let_go();

  const UniqueFd epoll_;
  const std::function<void(std::function<void()>)> post_;
  bool is_dispatching_ = false;
  bool lets_go_soon_ = false;
  std::vector<Handler> let_go_;
  std::vector<std::unique_ptr<SocketWatch>> ended_;  // while events for them may be in hand
  boost::intrusive::list<SocketWatch, boost::intrusive::constant_time_size<false>>
      watches_;  // those with somebody waiting
};

}  // namespace camweave
