// ReadinessSet: whom it keeps, and until when.
#include "net/readiness.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/unique_fd.h"

namespace camweave {
namespace {

struct Session final : ReadinessHandler {
  explicit Session(ReadinessSet& set) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    own = UniqueFd(fds[0]);
    peer = UniqueFd(fds[1]);
    watch = std::make_unique<SocketWatch>(set, own.get());
  }
  UniqueFd own, peer;
  std::unique_ptr<SocketWatch> watch;
};

TEST(ReadinessSet, WhoWaitsIsLetGoAtTheEnd) {
  auto set = *ReadinessSet::create([](const std::function<void()>&) {});
  auto session = std::make_shared<Session>(*set);
  const std::weak_ptr<Session> seen = session;
  session->watch->wait_readable(session);
  session.reset();
  EXPECT_FALSE(seen.expired());
  auto watch = std::move(seen.lock()->watch);  // it outlives its session here, as nobody else does
  set->drop_all();
  EXPECT_TRUE(seen.expired());
}

// A session that ends outside of dispatch() is let go by a task, which a loop that was stopped in between never runs.
// It must not live on until the loop's parts are gone that its own end needs: the server crashed at its end.
TEST(ReadinessSet, WhoEndedJustBeforeTheStopIsLetGoAtTheEnd) {
  auto set = *ReadinessSet::create([](const std::function<void()>&) {});
  auto session = std::make_shared<Session>(*set);
  const std::weak_ptr<Session> seen = session;
  session->watch->wait_readable(session);
  SocketWatch::end(std::move(session->watch));
  session.reset();
  EXPECT_FALSE(seen.expired()) << "its own functions may be running";
  set->drop_all();
  EXPECT_TRUE(seen.expired());
}

}  // namespace
}  // namespace camweave
