// Messages and descriptors through a real socket pair, and peers that misbehave.
#include "ipc/seq_packet_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <thread>

namespace camweave::ipc {
namespace {

struct Ends {
  SeqPacketSocket ours;
  UniqueFd theirs;
};

Ends make_ends() {
  auto pair = SeqPacketSocket::pair();
  EXPECT_TRUE(pair.ok());
  return {SeqPacketSocket(std::move(pair->first)), std::move(pair->second)};
}

size_t open_descriptors() {
  size_t count = 0;
  for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
  return count;
}

// Sends raw bytes with `count` copies of `fd`.
void send_raw(int socket, std::span<const std::byte> bytes, int fd = -1, size_t count = 0) {
  iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(16 * sizeof(int))> control{};
  if (count > 0) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* cmsg = CMSG_FIRSTHDR(&header);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
    const std::vector<int> fds(count, fd);
    std::memcpy(CMSG_DATA(cmsg), fds.data(), count * sizeof(int));
  }
  ASSERT_EQ(::sendmsg(socket, &header, 0), static_cast<ssize_t>(bytes.size()));
}

TEST(SeqPacketSocket, AMessageArrivesWithItsDescriptor) {
  auto ends = make_ends();
  SeqPacketSocket other(std::move(ends.theirs));
  UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(ends.ours.send(Hello{1, "pattern", 4, 4096}, null.get()).ok());
  ASSERT_TRUE(ends.ours.send(ReleaseSlot{3}).ok());
  auto hello = other.receive();
  ASSERT_TRUE(hello.ok()) << hello.error().message;
  EXPECT_EQ(std::get<Hello>(hello->message).driver, "pattern");
  ASSERT_TRUE(static_cast<bool>(hello->passed_fd));
  EXPECT_TRUE(::fcntl(hello->passed_fd.get(), F_GETFD) & FD_CLOEXEC);
  auto release = other.receive();
  ASSERT_TRUE(release.ok());
  EXPECT_EQ(std::get<ReleaseSlot>(release->message).slot, 3U);
  EXPECT_FALSE(static_cast<bool>(release->passed_fd));
}

TEST(SeqPacketSocket, NothingThereIsATimeoutAndAClosedPeerIsGone) {
  auto ends = make_ends();
  EXPECT_EQ(ends.ours.receive(SeqPacketSocket::Wait::dont_wait).error().code, ErrorCode::timeout);
  ends.theirs.reset();
  EXPECT_EQ(ends.ours.receive().error().code, ErrorCode::unavailable);
  EXPECT_EQ(ends.ours.send(Stop{}).error().code, ErrorCode::unavailable);
}

TEST(SeqPacketSocket, APeerThatDoesNotReadFailsTheSendInsteadOfHangingIt) {
  auto ends = make_ends();
  const int small = 4096;
  ::setsockopt(ends.ours.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  Result<void> sent;
  for (int i = 0; i < 10'000 && sent.ok(); ++i) sent = ends.ours.send(ReleaseSlot{1});
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().code, ErrorCode::timeout);
}

TEST(SeqPacketSocket, AMessageTooLargeIsNotSent) {
  auto ends = make_ends();
  ControlsChanged message;
  for (int i = 0; i < 512; ++i) {
    Control control;
    control.name = "control" + std::to_string(i);
    control.why = std::string(200, 'x');
    message.controls.push_back(control);
  }
  EXPECT_EQ(ends.ours.send(message).error().code, ErrorCode::exhausted);
}

TEST(SeqPacketSocket, DescriptorsThatAHostilePeerSendsAreClosed) {
  auto ends = make_ends();
  std::vector<std::byte> stop;
  serialize_message(Stop{}, stop);
  const size_t before = open_descriptors();
  send_raw(ends.theirs.get(), stop, ends.theirs.get(), 2);
  EXPECT_EQ(ends.ours.receive().error().code, ErrorCode::protocol);
  send_raw(ends.theirs.get(), stop, ends.theirs.get(), 16);
  EXPECT_EQ(ends.ours.receive().error().code, ErrorCode::protocol);
  send_raw(ends.theirs.get(), std::array{std::byte{1}}, ends.theirs.get(), 1);
  EXPECT_EQ(ends.ours.receive().error().code, ErrorCode::protocol);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(SeqPacketSocket, AnOverlongDatagramIsRefusedAndTheNextIsRead) {
  auto ends = make_ends();
  send_raw(ends.theirs.get(), std::vector<std::byte>(max_message_bytes + 100));
  std::vector<std::byte> stop;
  serialize_message(Stop{}, stop);
  send_raw(ends.theirs.get(), stop);
  EXPECT_EQ(ends.ours.receive().error().code, ErrorCode::protocol);
  EXPECT_TRUE(ends.ours.receive().ok());
}

TEST(SeqPacketSocket, ManyThreadsMaySend) {
  auto ends = make_ends();
  SeqPacketSocket other(std::move(ends.theirs));
  constexpr uint32_t per_thread = 500;
  std::vector<std::thread> senders;
  for (uint32_t slot = 0; slot < 4; ++slot) {
    senders.emplace_back([&ends, slot] {
      for (uint32_t i = 0; i < per_thread; ++i) EXPECT_TRUE(ends.ours.send(ReleaseSlot{slot}).ok());
    });
  }
  std::array<uint32_t, 4> counts{};
  for (uint32_t i = 0; i < 4 * per_thread; ++i) {
    auto received = other.receive();
    ASSERT_TRUE(received.ok()) << received.error().message;
    ++counts[std::get<ReleaseSlot>(received->message).slot];
  }
  for (auto& sender : senders) sender.join();
  EXPECT_EQ(counts, (std::array<uint32_t, 4>{per_thread, per_thread, per_thread, per_thread}));
}

}  // namespace
}  // namespace camweave::ipc
