// FramePipe: that everybody gets the frame's own bytes, whoever else is slow, gone, or after another frame.
#include "net/frame_pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

namespace camweave {
namespace {

std::string picture(char first, size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>(first + i / 1000 % 20);
  return out;
}

ptrdiff_t open_files() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

struct Client {
  explicit Client(int buffer_bytes = 4 << 20) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    server_end = UniqueFd(fds[0]);
    own_end = UniqueFd(fds[1]);
    ::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
    ::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
  }
  std::string take(size_t bytes) const {
    std::string got(bytes, '\0');
    const ssize_t count = ::recv(own_end.get(), got.data(), got.size(), MSG_WAITALL);
    got.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
    return got;
  }
  int fd() const { return server_end.get(); }

  UniqueFd server_end, own_end;
};

class FramePipeTest : public ::testing::Test {
 protected:
  WireImage store(const std::string& bytes, Room room = {}) {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    auto buffer = memory_->store({&piece, 1}, room);
    EXPECT_TRUE(buffer);
    return std::make_shared<const PacketBuffer>(*std::move(buffer));
  }
  // To each client in turn, and what it got.
  void expect_all_get(const std::vector<Client>& clients, const std::string& bytes) {
    const WireImage image = store(bytes);
    for (const Client& client : clients) {
      ASSERT_EQ(pipe_.send(client.fd(), image), static_cast<ssize_t>(bytes.size()));
      ASSERT_TRUE(client.take(bytes.size()) == bytes);
    }
  }

  std::shared_ptr<PacketMemory> memory_ = *PacketMemory::create(16 << 20);
  FramePipe pipe_;
};

TEST_F(FramePipeTest, EverybodyGetsEachFrameWhateverItsSize) {
  const std::vector<Client> clients(40);
  char first = 'a';
  for (const size_t bytes : {size_t{1}, size_t{4096}, size_t{20'000}, size_t{100'001}, size_t{30}, size_t{130'000}})
    expect_all_get(clients, picture(first++, bytes));
}

TEST_F(FramePipeTest, AFrameWithRoomAroundItBeginsInTheMiddleOfAPage) {
  const std::vector<Client> clients(5);
  const std::string bytes = picture('a', 9000);
  const WireImage image = store(bytes, {.head_bytes = 256, .tail_bytes = 32});
  for (const Client& client : clients) {
    ASSERT_EQ(pipe_.send(client.fd(), image), 9000);
    EXPECT_TRUE(client.take(9000) == bytes);
  }
}

TEST_F(FramePipeTest, AFrameThatNoPipeHoldsGoesOutAllTheSame) {
  const std::vector<Client> clients(3);
  const std::string bytes = picture('a', FramePipe::largest_bytes + 1);
  const WireImage image = store(bytes);
  for (const Client& client : clients) {
    const ssize_t sent = pipe_.send(client.fd(), image);
    ASSERT_GT(sent, 0);
    EXPECT_TRUE(client.take(static_cast<size_t>(sent)) == bytes.substr(0, static_cast<size_t>(sent)));
  }
}

TEST_F(FramePipeTest, WhoIsSlowGetsABeginningAndNobodyElseNoticesIt) {
  const std::string bytes = picture('a', 100'000);
  const WireImage image = store(bytes);
  const std::vector<Client> before(3), after(12);
  for (const Client& client : before) ASSERT_EQ(pipe_.send(client.fd(), image), 100'000);
  const Client slow(20'000);
  const ssize_t begun = pipe_.send(slow.fd(), image);
  ASSERT_GT(begun, 0);
  ASSERT_LT(begun, 100'000);
  EXPECT_EQ(pipe_.send(slow.fd(), image), -1);
  EXPECT_EQ(errno, EAGAIN);
  for (const Client& client : after) {
    ASSERT_EQ(pipe_.send(client.fd(), image), 100'000);
    EXPECT_TRUE(client.take(100'000) == bytes);
  }
  EXPECT_TRUE(slow.take(static_cast<size_t>(begun)) == bytes.substr(0, static_cast<size_t>(begun)));
}

TEST_F(FramePipeTest, WhoHasGoneIsAnErrorForHimAlone) {
  ::signal(SIGPIPE, SIG_IGN);  // the loops block it
  const WireImage image = store(picture('a', 10'000));
  const std::vector<Client> clients(5);
  Client gone;
  gone.own_end.reset();
  for (const Client& client : clients) {
    EXPECT_EQ(pipe_.send(gone.fd(), image), -1);
    EXPECT_EQ(errno, EPIPE);
    EXPECT_EQ(pipe_.send(client.fd(), image), 10'000);
  }
}

TEST_F(FramePipeTest, FramesThatTakeTurns) {
  const Client client;
  const std::array<std::string, 2> bytes{picture('a', 30'000), picture('b', 5'000)};
  const std::array<WireImage, 2> images{store(bytes[0]), store(bytes[1])};
  for (const size_t which : {0u, 1u, 0u, 1u, 1u, 1u, 0u, 0u, 0u, 1u, 0u, 1u, 1u}) {
    ASSERT_EQ(pipe_.send(client.fd(), images[which]), static_cast<ssize_t>(bytes[which].size()));
    EXPECT_TRUE(client.take(bytes[which].size()) == bytes[which]);
  }
}

// The rule of docs/design/0002-frame-path.md, with the pages in a socket by way of the pipes.
TEST_F(FramePipeTest, PagesInASocketsQueueAreNeverWrittenAgain) {
  const std::vector<Client> clients(10);
  const std::string bytes = picture('a', 50'000), others = picture('b', 50'000);
  WireImage image = store(bytes);
  const off_t place = image.offset;
  for (const Client& client : clients) ASSERT_EQ(pipe_.send(client.fd(), image), 50'000);
  image = {};
  EXPECT_TRUE(pipe_.forget_unused()) << "it was used until now";
  EXPECT_FALSE(pipe_.forget_unused());
  EXPECT_EQ(memory_->live_bytes(), 0u);
  image = store(others);
  ASSERT_EQ(image.offset, place);
  for (const Client& client : clients) ASSERT_EQ(pipe_.send(client.fd(), image), 50'000);
  for (const Client& client : clients) {
    EXPECT_TRUE(client.take(50'000) == bytes);
    EXPECT_TRUE(client.take(50'000) == others);
  }
}

TEST_F(FramePipeTest, WithoutFreeFileDescriptorsEverybodyIsServedAllTheSame) {
  const std::vector<Client> clients(6);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const rlimit none_left{0, files.rlim_max};
  const WireImage image = store(picture('a', 10'000));
  ::setrlimit(RLIMIT_NOFILE, &none_left);
  for (const Client& client : clients) {
    EXPECT_EQ(pipe_.send(client.fd(), image), 10'000);
    EXPECT_EQ(client.take(10'000).size(), 10'000u);
  }
  ::setrlimit(RLIMIT_NOFILE, &files);
  const auto open_before = open_files();
  EXPECT_EQ(pipe_.send(clients[0].fd(), image), 10'000);
  EXPECT_EQ(clients[0].take(10'000).size(), 10'000u);
  EXPECT_EQ(open_files(), open_before) << "tried again for the same frame: that would be a price for each client";
  expect_all_get(clients, picture('b', 10'000));
  EXPECT_GT(open_files(), open_before);
}

}  // namespace
}  // namespace camweave
