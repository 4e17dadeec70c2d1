#include "ipc/seq_packet_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/clock.h"

namespace camweave::ipc {
namespace {

constexpr std::chrono::seconds send_patience(2);
constexpr size_t most_passed_fds = 4;  // more than the one that is allowed, so that the others can be closed

Error gone() { return Error{ErrorCode::unavailable, "socket: the other side is gone"}; }

bool is_gone(int error_number) {
  return error_number == EPIPE || error_number == ECONNRESET || error_number == ENOTCONN;
}

// Room for one ancillary message with descriptors, aligned as the kernel wants it.
struct AncillaryBuffer {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(most_passed_fds * sizeof(int))> bytes{};
};

void attach(msghdr& header, AncillaryBuffer& ancillary, int fd) {
  header.msg_control = ancillary.bytes.data();
  header.msg_controllen = CMSG_SPACE(sizeof(int));
  cmsghdr* cmsg = CMSG_FIRSTHDR(&header);
  cmsg->cmsg_level = SOL_SOCKET;
  cmsg->cmsg_type = SCM_RIGHTS;
  cmsg->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
}

std::vector<UniqueFd> take_fds(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* cmsg = CMSG_FIRSTHDR(&header); cmsg; cmsg = CMSG_NXTHDR(&header, cmsg)) {
    if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

// Waits until `fd` can be written; false when the deadline came first.
bool wait_writable(int fd, Timestamp deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  pollfd poll_fd{fd, POLLOUT, 0};
  const int ready = ::poll(&poll_fd, 1, static_cast<int>(left.count()));
  return ready > 0 || (ready < 0 && errno == EINTR);
}

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> SeqPacketSocket::pair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0) return system_error("socketpair");
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<void> SeqPacketSocket::send(const Message& message, int passed_fd) {
  MutexLock lock(send_mutex_);
  serialize_message(message, outgoing_);
  if (outgoing_.size() > max_message_bytes) return Error{ErrorCode::exhausted, "socket: a message over 64 KiB"};
  iovec piece{outgoing_.data(), outgoing_.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  AncillaryBuffer ancillary;
  if (passed_fd >= 0) attach(header, ancillary, passed_fd);
  const Timestamp deadline = std::chrono::steady_clock::now() + send_patience;
  while (::sendmsg(fd_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (is_gone(errno)) return gone();
    if (errno != EAGAIN && errno != EWOULDBLOCK) return system_error("socket: send");
    if (!wait_writable(fd_.get(), deadline)) return Error{ErrorCode::timeout, "socket: the other side doesn't read"};
  }
  return {};
}

Result<SeqPacketSocket::Received> SeqPacketSocket::receive(Wait wait) {
  incoming_.resize(max_message_bytes);
  iovec piece{incoming_.data(), incoming_.size()};
  AncillaryBuffer ancillary;
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = ancillary.bytes.data();
  header.msg_controllen = ancillary.bytes.size();
  const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::dont_wait ? MSG_DONTWAIT : 0);
  ssize_t size = -1;
  do {
    size = ::recvmsg(fd_.get(), &header, flags);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Error{ErrorCode::timeout, "socket: no message"};
  if (size == 0 || (size < 0 && is_gone(errno))) return gone();
  if (size < 0) return system_error("socket: receive");

  std::vector<UniqueFd> fds = take_fds(header);
  if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) return Error{ErrorCode::protocol, "socket: a message over 64 KiB"};
  if (fds.size() > 1) return Error{ErrorCode::protocol, "socket: more than one descriptor with a message"};
  auto message = parse_message(std::span(incoming_).first(static_cast<size_t>(size)));
  if (!message) return message.error();
  return Received{*std::move(message), fds.empty() ? UniqueFd() : std::move(fds.front())};
}

}  // namespace camweave::ipc
