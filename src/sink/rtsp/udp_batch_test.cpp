// UdpBatch over real sockets. The program answers sendmmsg itself, so that calls can be counted and made to fail; not
// in sanitized builds, which bring their own.
#include "sink/rtsp/udp_batch.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <future>
#include <set>

#include "base/fake_clock.h"
#include "format/rtp/packetizer.h"
#include "net/test_client.h"

namespace camweave {
namespace {

struct Failure {
  uint16_t port = 0;  // of messages to it
  int error = 0;
  int times = 0;
};
struct Calls {
  int count = 0;
  Failure failure;
};
Calls calls;  // used on the loop's thread, looked at when it has answered

[[maybe_unused]] uint16_t port_of(const mmsghdr& message) {
  return ntohs(static_cast<const sockaddr_in6*>(message.msg_hdr.msg_name)->sin6_port);
}

class Receiver {
 public:
  Receiver() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    socklen_t length = sizeof own;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&own), &length);
    port_ = ntohs(own.sin_port);
  }
  uint16_t port() const { return port_; }
  void close() { fd_.reset(); }
  // Until nothing has come for a while; fewer than `at_least` only after a long while.
  std::vector<std::string> take(size_t at_least) {
    std::vector<std::string> packets;
    std::string packet(2000, '\0');
    pollfd wait{fd_.get(), POLLIN, 0};
    while (::poll(&wait, 1, packets.size() < at_least ? 5000 : 1) == 1) {
      const ssize_t got = ::recv(fd_.get(), packet.data(), packet.size(), 0);
      if (got < 0) break;
      packets.push_back(packet.substr(0, static_cast<size_t>(got)));
    }
    return packets;
  }

 private:
  UniqueFd fd_;
  uint16_t port_ = 0;
};

}  // namespace
}  // namespace camweave

#if !defined(CAMWEAVE_SANITIZED)
extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  using camweave::calls;
  ++calls.count;
  for (unsigned i = 0; i < count && calls.failure.times > 0; ++i) {
    if (camweave::port_of(messages[i]) != calls.failure.port) continue;
    count = i;
    if (count > 0) break;
    --calls.failure.times;
    errno = calls.failure.error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_sendmmsg, fd, messages, count, flags));
}
#endif

namespace camweave {
namespace {

class UdpBatchTest : public ::testing::Test {
 protected:
  void SetUp() override { calls = {}; }
  void TearDown() override {
    batch_.reset();
    transport_.reset();
    loops_->stop();
  }
  // On the loop, and what that leaves to be done there.
  void on_loop(std::function<void()> task) {
    std::promise<void> done;
    loops_->at(0).post([&] {
      task();
      loops_->at(0).post([&] { done.set_value(); });
    });
    done.get_future().wait();
  }
  // A small NAL unit and a large one: a packet by itself and a run of equal ones.
  PacketPtr frame(size_t slice_bytes = 16'000) {
    std::string unit("\0\0\0\1\x06", 5);
    unit += std::string(80, 's') + std::string("\0\0\0\1\x41", 5) + std::string(slice_bytes, 'p');
    std::vector<std::byte> out;
    EXPECT_TRUE(packetizer_.packetize(std::as_bytes(std::span(unit)), 90, out));
    const iovec piece{out.data(), out.size()};
    auto made = std::make_shared<Packet>();
    made->body = *memory_->store(std::span(&piece, 1));
    return made;
  }
  std::vector<std::string> packets_of(const PacketPtr& frame) {
    std::vector<std::string> packets;
    auto rest = frame->body.bytes();
    for (auto packet = rtp::next_packet(rest); !packet.empty(); packet = rtp::next_packet(rest))
      packets.emplace_back(reinterpret_cast<const char*>(packet.data()), packet.size());
    return packets;
  }
  std::shared_ptr<UdpPeer> peer(const Receiver& receiver) {
    return transport_->add_peer(*IpAddress::parse("127.0.0.1"), {receiver.port(), receiver.port()});
  }
  void watch(size_t count) {
    receivers_.resize(count);
    for (const Receiver& receiver : receivers_) peers_.push_back(peer(receiver));
  }
  void send_to_all(const PacketPtr& frame) {
    on_loop([&] {
      for (const auto& to : peers_) {
        auto rest = frame->body.bytes();
        EXPECT_EQ(batch_->add(to, frame, rest, 32).packets, packets_of(frame).size());
        EXPECT_TRUE(rest.empty());
      }
    });
  }
  void fail(size_t reader, int error, int times = 1) {
#if defined(CAMWEAVE_SANITIZED)
    GTEST_SKIP() << "sanitized: sendmmsg is the sanitizer's";
#endif
    on_loop([&] { calls.failure = {receivers_[reader].port(), error, times}; });
  }

  FakeClock clock_;
  std::unique_ptr<IoLoops> loops_ = *IoLoops::start(clock_, 1);
  std::shared_ptr<UdpTransport> transport_ = *UdpTransport::start(loops_->at(0));
  std::shared_ptr<UdpBatch> batch_ = transport_->batch_on(loops_->at(0));
  std::shared_ptr<PacketMemory> memory_ = *PacketMemory::create(size_t{16} << 20);
  rtp::Packetizer packetizer_{{.codec = Codec::h264, .ssrc = 7}};
  std::vector<Receiver> receivers_;
  std::vector<std::shared_ptr<UdpPeer>> peers_;
};

TEST_F(UdpBatchTest, AFrameGoesToManyReadersByOneCall) {
  watch(50);
  const auto sent = frame();
  send_to_all(sent);
  for (Receiver& receiver : receivers_) EXPECT_EQ(receiver.take(packets_of(sent).size()), packets_of(sent));
#if !defined(CAMWEAVE_SANITIZED)
  EXPECT_EQ(calls.count, 1);
#endif
}

TEST_F(UdpBatchTest, ManyMoreReadersThanGoIntoACallGetTheirFramesInOrder) {
  watch(150);
  const auto first = frame(), second = frame(700);
  on_loop([&] {
    for (const auto& to : peers_) {
      for (const PacketPtr& one : {first, second}) {
        auto rest = one->body.bytes();
        batch_->add(to, one, rest, 32);
      }
    }
  });
  auto all = packets_of(first);
  for (const auto& packet : packets_of(second)) all.push_back(packet);
  for (Receiver& receiver : receivers_) EXPECT_EQ(receiver.take(all.size()), all);
}

TEST_F(UdpBatchTest, ABurstEndsWhereItWasToldTo) {
  watch(1);
  const auto sent = frame(40'000);
  const auto packets = packets_of(sent);
  on_loop([&] {
    auto rest = sent->body.bytes();
    EXPECT_EQ(batch_->add(peers_[0], sent, rest, 8).packets, 8u);
    EXPECT_EQ(batch_->add(peers_[0], sent, rest, 8).packets, 8u);
    const auto last = batch_->add(peers_[0], sent, rest, 100);
    EXPECT_EQ(last.packets, packets.size() - 16);
    EXPECT_TRUE(rest.empty());
  });
  EXPECT_EQ(receivers_[0].take(packets.size()), packets);
}

TEST_F(UdpBatchTest, AFullSocketIsToldToTheReaderThatMissedIt) {
  watch(5);
  fail(2, EAGAIN);
  if (IsSkipped()) return;
  const auto sent = frame();
  const auto packets = packets_of(sent);
  send_to_all(sent);
  size_t octets = 0;
  for (const auto& packet : packets) octets += packet.size() - rtp::header_bytes;
  for (size_t i = 0; i < receivers_.size(); ++i) {
    EXPECT_EQ(peers_[i]->unsent.packets, i == 2 ? packets.size() : 0u);
    EXPECT_EQ(peers_[i]->unsent.payload_octets, i == 2 ? octets : 0u);
    EXPECT_EQ(receivers_[i].take(i == 2 ? 0 : packets.size()).size(), i == 2 ? 0 : packets.size());
  }
}

TEST_F(UdpBatchTest, AnotherReadersIcmpAnswerCostsNobodyAPacket) {
  watch(5);
  fail(2, ECONNREFUSED);
  if (IsSkipped()) return;
  const auto sent = frame();
  send_to_all(sent);
  for (Receiver& receiver : receivers_) EXPECT_EQ(receiver.take(packets_of(sent).size()), packets_of(sent));
}

TEST_F(UdpBatchTest, AReaderThatCannotBeReachedHoldsNobodyUp) {
  watch(5);
  fail(2, ENETUNREACH, 1000);
  if (IsSkipped()) return;
  const auto sent = frame();
  send_to_all(sent);
  for (size_t i = 0; i < receivers_.size(); ++i) {
    if (i == 2) continue;
    EXPECT_EQ(receivers_[i].take(packets_of(sent).size()), packets_of(sent));
  }
}

TEST_F(UdpBatchTest, WithoutOffloadPacketsGoOneByOne) {
  watch(3);
  fail(1, EIO, 2);  // the small packet's message, too
  if (IsSkipped()) return;
  const auto first = frame(), second = frame();
  send_to_all(first);
  EXPECT_FALSE(transport_->has_offload());
  auto all = packets_of(first);
  EXPECT_EQ(receivers_[0].take(all.size()), all);
  EXPECT_EQ(receivers_[1].take(all.size() - 1), std::vector(all.begin() + 1, all.end()));
  send_to_all(second);
  all = packets_of(second);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(receivers_[i].take(all.size()), all);
}

// The answers of the network itself: they come with one of the next calls.
TEST_F(UdpBatchTest, AClosedPortDisturbsNobody) {
  watch(5);
  receivers_[2].close();
  for (int i = 0; i < 5; ++i) {
    const auto sent = frame();
    send_to_all(sent);
    for (size_t reader : {0, 1, 3, 4})
      EXPECT_EQ(receivers_[reader].take(packets_of(sent).size()), packets_of(sent)) << reader;
  }
  EXPECT_TRUE(eventually([&] { return peers_[2]->refused_since_ns != 0; }));
  EXPECT_EQ(peers_[1]->refused_since_ns, 0);
}

}  // namespace
}  // namespace camweave
