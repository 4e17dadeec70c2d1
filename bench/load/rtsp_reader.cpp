// See rtsp_reader.h.
#include "rtsp_reader.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "../common/tcp.h"

namespace bench {
namespace {

constexpr size_t kRtpHeaderBytes = 12;
constexpr int kUdpBufferBytes = 4 << 20;

UniqueFd bind_port(uint16_t port) {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  parse_ipv4("127.0.0.1", port, address);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

size_t u16(std::string_view bytes, size_t at) {
  return static_cast<size_t>(static_cast<unsigned char>(bytes[at])) << 8 | static_cast<unsigned char>(bytes[at + 1]);
}

}  // namespace

RtspReader::RtspReader(const Options& options, RtspCounts& counts, const std::string& url)
    : options_(options), counts_(counts), url_(url) {}

bool RtspReader::open(Monotonic::time_point now) {
  opened_at_ = now;
  control_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  set_option(control_.get(), IPPROTO_TCP, 1 /* TCP_NODELAY */, 1);
  set_congestion_control(control_.get(), options_.congestion);
  sockaddr_in address{};
  if (!parse_ipv4(options_.host, options_.port, address)) return false;
  return connect(control_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno == EINPROGRESS;
}

RtspReader::Outcome RtspReader::on_connected() {
  phase_ = Phase::Describe;
  return send_request("DESCRIBE", url_, "Accept: application/sdp\r\n") ? Outcome::Wait : fail("can't send");
}

bool RtspReader::send_request(const char* method, const std::string& url, const std::string& headers) {
  std::string text =
      std::string(method) + " " + url + " RTSP/1.0\r\nCSeq: " + std::to_string(++cseq_) + "\r\n" + headers;
  if (!session_.empty()) text += "Session: " + session_ + "\r\n";
  text += "\r\n";
  return send(control_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

bool RtspReader::bind_udp() {
  for (int attempt = 0; attempt < 100; ++attempt) {
    rtp_ = bind_port(0);
    const uint16_t port = rtp_ ? port_of(rtp_.get()) : 1;
    if (port % 2 != 0) continue;
    rtcp_ = bind_port(static_cast<uint16_t>(port + 1));
    if (!rtcp_) continue;
    setsockopt(rtp_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kUdpBufferBytes, sizeof kUdpBufferBytes);
    set_option(rtp_.get(), SOL_UDP, UDP_GRO, 1);
    return true;
  }
  return false;
}

// One answer; the next request, where there is one, is sent. False: refused.
bool RtspReader::on_answer(std::string_view head) {
  if (!head.starts_with("RTSP/1.0 200")) return false;
  if (const size_t at = head.find("Session: "); at != std::string_view::npos && session_.empty()) {
    session_ = head.substr(at + 9, head.find_first_of(";\r", at + 9) - at - 9);
  }
  if (phase_ == Phase::Describe) {
    phase_ = Phase::SetUp;
    std::string transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    if (options_.protocol == Protocol::RtspUdp) {
      if (!bind_udp()) return false;
      const int port = port_of(rtp_.get());
      transport =
          "Transport: RTP/AVP;unicast;client_port=" + std::to_string(port) + "-" + std::to_string(port + 1) + "\r\n";
    }
    return send_request("SETUP", url_ + "/trackID=0", transport);
  }
  if (phase_ == Phase::SetUp) {
    phase_ = Phase::Play;
    return send_request("PLAY", url_, "Range: npt=0.000-\r\n");
  }
  phase_ = Phase::Playing;
  return true;
}

// True: one whole answer was taken off.
bool RtspReader::take_answer() {
  const size_t end = pending_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string head = pending_.substr(0, end + 4);
  size_t body = 0;
  if (const size_t at = head.find("Content-Length: "); at != std::string::npos) body = std::stoul(head.substr(at + 16));
  if (pending_.size() < end + 4 + body) return false;
  pending_.erase(0, end + 4 + body);
  if (!on_answer(head)) fault_ = "refused: " + head.substr(0, head.find('\r'));
  return fault_.empty();
}

// How many bytes of whole packets there were.
size_t RtspReader::take_interleaved(std::string_view bytes, Monotonic::time_point now) {
  size_t at = 0;
  while (bytes.size() - at >= 4) {
    const std::string_view rest = bytes.substr(at);
    if (rest[0] != '$') break;
    const size_t size = u16(rest, 2);
    if (rest.size() < 4 + size) break;
    if (rest[1] == 0) count(rest.substr(4, size), size, now);
    at += 4 + size;
  }
  return at;
}

bool RtspReader::take_pending(Monotonic::time_point now) {
  if (pending_[0] != '$') return take_answer();
  const size_t taken = take_interleaved(pending_, now);
  pending_.erase(0, taken);
  return taken > 0;
}

RtspReader::Outcome RtspReader::on_control_readable(Monotonic::time_point now) {
  std::array<char, 1 << 16> buffer;
  while (true) {
    const ssize_t got = recv(control_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return Outcome::Wait;
    if (got <= 0) return fail("the server ended the connection");
    std::string_view fresh(buffer.data(), static_cast<size_t>(got));
    // Whole frames are looked at where they are: our copies would cost a server on the same CPU its cache.
    if (pending_.empty()) fresh.remove_prefix(take_interleaved(fresh, now));
    pending_.append(fresh);
    while (!pending_.empty() && take_pending(now)) {
    }
    if (!fault_.empty()) return fail(fault_);
    if (!pending_.empty() && pending_[0] != '$' && phase_ == Phase::Playing) return fail("lost the interleaving");
  }
}

// A run of packets comes in one piece (UDP_GRO): cutting it is the network card's work, or that of the reader's
// machine, and not charged to the server that shares this loopback.
void RtspReader::on_rtp_readable(Monotonic::time_point now) {
  static thread_local std::array<char, 1 << 16> buffer;
  while (true) {
    iovec piece{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(rtp_.get(), &message, 0);
    if (got <= 0) return;
    size_t segment = static_cast<size_t>(got);
    if (const cmsghdr* head = CMSG_FIRSTHDR(&message);
        head && head->cmsg_level == SOL_UDP && head->cmsg_type == UDP_GRO) {
      int bytes = 0;
      std::memcpy(&bytes, CMSG_DATA(head), sizeof bytes);
      segment = static_cast<size_t>(bytes);
    }
    for (std::string_view rest(buffer.data(), static_cast<size_t>(got)); !rest.empty();
         rest.remove_prefix(std::min(segment, rest.size()))) {
      count(rest.substr(0, segment), std::min(segment, rest.size()), now);
    }
  }
}

void RtspReader::count(std::string_view packet, size_t packet_bytes, Monotonic::time_point now) {
  if (packet.size() < kRtpHeaderBytes) return;
  const auto sequence = static_cast<uint16_t>(u16(packet, 2));
  if (next_sequence_) counts_.lost += static_cast<uint16_t>(sequence - *next_sequence_);
  next_sequence_ = static_cast<uint16_t>(sequence + 1);
  const bool marker = (packet[1] & 0x80) != 0;
  if (marker && !first_frame_us_) {
    first_frame_us_ = std::chrono::duration_cast<std::chrono::microseconds>(now - opened_at_).count();
  }
  if (!counts_.in_window) return;
  ++counts_.packets;
  counts_.bytes += packet_bytes;
  counts_.frames += marker ? 1 : 0;
}

RtspReader::Outcome RtspReader::fail(std::string why) {
  fault_ = std::move(why);
  control_.reset();
  rtp_.reset();
  rtcp_.reset();
  return Outcome::Closed;
}

}  // namespace bench
