#include "sink/rtsp/udp_transport.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "format/rtp/packetizer.h"

namespace camweave {
namespace {

constexpr size_t most_segments = 64;  // the kernel's UDP_MAX_SEGMENTS
constexpr size_t most_offload_bytes = 65'000;
constexpr int send_buffer_bytes = 4 << 20;

UniqueFd bind_udp(uint16_t port) {
  UniqueFd fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  const int off = 0, on = 1;
  ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
  ::setsockopt(fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

uint16_t port_of(int fd) {
  sockaddr_in6 address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin6_port);
}

// One sendmsg: up to 64 packets of equal size, the last may be shorter.
struct Run {
  std::array<iovec, most_segments> packets;
  size_t count = 0;
  size_t bytes = 0;

  bool takes(std::span<const std::byte> packet) const {
    if (count == 0) return true;
    const size_t segment = packets[0].iov_len;
    return count < most_segments && bytes + packet.size() <= most_offload_bytes && packet.size() <= segment &&
           packets[count - 1].iov_len == segment;
  }
  void add(std::span<const std::byte> packet) {
    packets[count++] = {const_cast<std::byte*>(packet.data()), packet.size()};
    bytes += packet.size();
  }
};

ssize_t send_run(int fd, const sockaddr_storage& to, Run& run) {
  msghdr message{};
  message.msg_name = const_cast<sockaddr_storage*>(&to);
  message.msg_namelen = sizeof(sockaddr_in6);
  message.msg_iov = run.packets.data();
  message.msg_iovlen = run.count;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(uint16_t))> control{};
  if (run.count > 1) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* segment = CMSG_FIRSTHDR(&message);
    segment->cmsg_level = SOL_UDP;
    segment->cmsg_type = UDP_SEGMENT;
    segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const auto size = static_cast<uint16_t>(run.packets[0].iov_len);
    std::memcpy(CMSG_DATA(segment), &size, sizeof size);
  }
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

Result<std::shared_ptr<UdpTransport>> UdpTransport::start(IoLoop& loop) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    UniqueFd rtp = bind_udp(0);
    if (!rtp) return system_error("RTSP: no UDP socket");
    const uint16_t port = port_of(rtp.get());
    if (port % 2) continue;  // RFC 3550 section 11: RTP on the even port
    UniqueFd rtcp = bind_udp(static_cast<uint16_t>(port + 1));
    if (!rtcp) continue;
    std::shared_ptr<UdpTransport> transport(
        new UdpTransport(loop, std::move(rtp), std::move(rtcp), {port, static_cast<uint16_t>(port + 1)}));
    loop.post([transport] { transport->on_readable(); });
    return transport;
  }
  return Error{ErrorCode::exhausted, "RTSP: no free pair of UDP ports"};
}

UdpTransport::UdpTransport(IoLoop& loop, UniqueFd rtp, UniqueFd rtcp, std::pair<uint16_t, uint16_t> ports)
    : ports_(ports), rtp_(loop, std::move(rtp), IpAddress()), rtcp_(loop, std::move(rtcp), IpAddress()) {}

std::shared_ptr<UdpPeer> UdpTransport::add_peer(const IpAddress& address, std::pair<uint16_t, uint16_t> client_ports) {
  auto peer = std::make_shared<UdpPeer>();
  peer->rtp = address.to_socket_address(client_ports.first, true);
  peer->rtcp = address.to_socket_address(client_ports.second, true);
  MutexLock lock(mutex_);
  if (by_rtp_.size() >= forget_at_) forget_ended();
  by_rtp_[{address, client_ports.first}] = peer;
  by_rtcp_[{address, client_ports.second}] = peer;
  return peer;
}

// Seldom: each time the number of those kept has doubled.
void UdpTransport::forget_ended() {
  const auto has_ended = [](const auto& entry) { return entry.second.expired(); };
  std::erase_if(by_rtp_, has_ended);
  std::erase_if(by_rtcp_, has_ended);
  forget_at_ = std::max<size_t>(64, by_rtp_.size() * 2);
}

UdpTransport::Sent UdpTransport::send_packets(const UdpPeer& peer, std::span<const std::byte>& from,
                                              size_t most_packets) {
  Sent sent;
  while (sent.packets < most_packets && !from.empty()) {
    Run run;
    auto rest = from;
    while (sent.packets + run.count < most_packets) {
      auto after = rest;
      const auto packet = rtp::next_packet(after);
      if (packet.empty() || !run.takes(packet) || (run.count == 1 && !has_offload_)) break;
      run.add(packet);
      rest = after;
    }
    if (run.count == 0) {
      from = {};
      break;
    }
    // An ICMP answer to an earlier packet, perhaps another reader's, fails one call; the error queue has it.
    ssize_t done = send_run(rtp_.fd(), peer.rtp, run);
    if (done < 0 && (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH))
      done = send_run(rtp_.fd(), peer.rtp, run);
    if (done < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
      sent.socket_full = true;
      break;
    }
    if (done < 0 && run.count > 1 && (errno == EIO || errno == EINVAL || errno == EMSGSIZE) &&
        has_offload_.exchange(false)) {
      continue;  // a device or tunnel without offload: one by one from now on
    }
    // Whatever else it is (no route): the session's time-out ends it; other sessions share the socket.
    sent.packets += static_cast<uint32_t>(run.count);
    sent.payload_octets += static_cast<uint32_t>(run.bytes - run.count * rtp::header_bytes);
    from = rest;
  }
  return sent;
}

void UdpTransport::send_rtcp(const UdpPeer& peer, std::span<const std::byte> packet) {
  for (int attempt = 0; attempt < 2; ++attempt) {  // the first may hear of an ICMP answer
    if (::sendto(rtcp_.fd(), packet.data(), packet.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&peer.rtcp),
                 sizeof(sockaddr_in6)) >= 0) {
      return;
    }
  }
}

std::shared_ptr<UdpPeer> UdpTransport::find(const IpAddress& address, uint16_t rtcp_port) {
  MutexLock lock(mutex_);
  const auto found = by_rtcp_.find({address, rtcp_port});
  return found == by_rtcp_.end() ? nullptr : found->second.lock();
}

void UdpTransport::on_readable() {
  read_reports();
  read_refusals();
  rtcp_.wait_readable(shared_from_this());
  rtp_.wait_readable(shared_from_this());
}

// What a receiver report says is not needed; that it came is.
void UdpTransport::read_reports() {
  std::array<std::byte, 2048> packet;
  for (int i = 0; i < 256; ++i) {
    sockaddr_in6 from{};
    socklen_t length = sizeof from;
    const ssize_t size =
        ::recvfrom(rtcp_.fd(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (size < 0) continue;  // an ICMP answer, taken by asking
    const auto peer =
        find(IpAddress::from_socket_address(reinterpret_cast<const sockaddr&>(from)), ntohs(from.sin6_port));
    if (!peer) continue;
    peer->last_heard_ns = to_nanoseconds(rtcp_.loop().now());
    peer->refused_since_ns = 0;
  }
  while (::recv(rtcp_.fd(), packet.data(), packet.size(), MSG_ERRQUEUE) >= 0) {
  }
}

// The error queue of the RTP socket gives each refused packet's destination. What clients send to the RTP port (holes
// for firewalls) is thrown away.
void UdpTransport::read_refusals() {
  std::array<std::byte, 2048> packet;
  for (int i = 0; i < 256; ++i) {
    if (::recv(rtp_.fd(), packet.data(), packet.size(), 0) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
  }
  for (int i = 0; i < 1024; ++i) {
    sockaddr_in6 to{};
    iovec piece{packet.data(), packet.size()};
    alignas(cmsghdr) std::array<char, 512> control{};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(rtp_.fd(), &message, MSG_ERRQUEUE) < 0) break;
    if (message.msg_namelen == 0) continue;
    MutexLock lock(mutex_);
    const auto found =
        by_rtp_.find({IpAddress::from_socket_address(reinterpret_cast<const sockaddr&>(to)), ntohs(to.sin6_port)});
    const auto peer = found == by_rtp_.end() ? nullptr : found->second.lock();
    if (!peer) continue;
    const int64_t now_ns = to_nanoseconds(rtp_.loop().now());
    peer->refused_last_ns = now_ns;
    int64_t never = 0;
    peer->refused_since_ns.compare_exchange_strong(never, now_ns);
  }
}

}  // namespace camweave
