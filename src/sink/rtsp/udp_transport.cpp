#include "sink/rtsp/udp_transport.h"

#include <netinet/in.h>

#include <array>
#include <cerrno>

#include "sink/rtsp/udp_batch.h"

namespace camweave {
namespace {

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

std::shared_ptr<UdpBatch> UdpTransport::batch_on(IoLoop& loop) {
  MutexLock lock(mutex_);
  auto& known = batches_[&loop];
  auto batch = known.lock();
  if (!batch) known = batch = std::make_shared<UdpBatch>(loop, shared_from_this());
  return batch;
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
