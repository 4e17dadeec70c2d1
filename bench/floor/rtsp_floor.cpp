// See rtsp_floor.h.
#include "rtsp_floor.h"

#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "../common/tcp.h"

namespace bench {
namespace {

constexpr size_t kPacketBytes = 1400;  // RTP header and payload
constexpr size_t kRtpHeaderBytes = 12;
constexpr size_t kMostSegments = 40;  // of 1400 bytes in one datagram's 64 KB

void put(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

size_t size_at(const std::string& image, size_t at) {
  return static_cast<size_t>(static_cast<unsigned char>(image[at + 2])) << 8 |
         static_cast<unsigned char>(image[at + 3]);
}

}  // namespace

RtspFloor::RtspFloor(const FloorOptions& options) : options_(options), loop_(options) {}

uint16_t RtspFloor::start() {
  udp_ = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  set_option(udp_.get(), SOL_SOCKET, SO_SNDBUF, 4 << 20);
  return loop_.start();
}

void RtspFloor::on_accepted(UniqueFd fd) {
  const auto index = static_cast<size_t>(fd.get());
  if (readers_.size() <= index) readers_.resize(index + 1);
  readers_[index] = std::make_unique<Reader>();
  readers_[index]->fd = std::move(fd);
}

void RtspFloor::make_frame() {
  auto image = std::make_shared<std::string>();
  const size_t most = kPacketBytes - kRtpHeaderBytes, pieces = (options_.frame_bytes + most - 1) / most;
  const size_t each = (options_.frame_bytes + pieces - 1) / pieces;
  image->reserve(options_.frame_bytes + pieces * (4 + kRtpHeaderBytes));
  for (size_t left = options_.frame_bytes; left > 0;) {
    const size_t bytes = std::min(each, left);
    left -= bytes;
    *image += '$', put(*image, 0, 1), put(*image, kRtpHeaderBytes + bytes, 2);
    put(*image, 0x80, 1), put(*image, left == 0 ? 0xE0 : 0x60, 1), put(*image, sequence_++, 2),
        put(*image, rtp_time_, 4), put(*image, 7, 4);
    image->append(bytes, 'x');
  }
  rtp_time_ += static_cast<uint32_t>(90'000 / options_.fps);
  newest_ = std::move(image);
}

void RtspFloor::on_tick(uint64_t) {
  make_frame();
  for (auto& reader : readers_) {
    if (!reader || !reader->playing) continue;
    if (options_.protocol == FloorProtocol::RtspUdp) {
      send_udp(*reader);
    } else if (!reader->image) {
      reader->image = newest_;
      reader->image_sent = 0;
      if (!go_on(*reader)) reader.reset();
    }
  }
}

void RtspFloor::on_events(int fd, uint32_t events) {
  if (!readers_[static_cast<size_t>(fd)]) return;
  Reader& reader = *readers_[static_cast<size_t>(fd)];
  bool alive = (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) == 0;
  if (alive && (events & EPOLLIN) != 0) alive = answer_requests(reader);
  if (alive && (events & EPOLLOUT) != 0 && reader.image) alive = go_on(reader);
  if (!alive) readers_[static_cast<size_t>(fd)].reset();
}

bool RtspFloor::answer_requests(Reader& reader) {
  char buffer[4096];
  ssize_t got;
  while ((got = recv(reader.fd.get(), buffer, sizeof buffer, 0)) > 0)
    reader.pending.append(buffer, static_cast<size_t>(got));
  if (got == 0) return false;
  for (size_t end; (end = reader.pending.find("\r\n\r\n")) != std::string::npos; reader.pending.erase(0, end + 4)) {
    const std::string request = reader.pending.substr(0, end);
    if (const size_t at = request.find("client_port="); at != std::string::npos) {
      parse_ipv4("127.0.0.1", static_cast<uint16_t>(std::stoi(request.substr(at + 12))), reader.rtp);
    }
    const std::string text = "RTSP/1.0 200 OK\r\nSession: 1\r\n\r\n";
    if (send(reader.fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return false;
    if (request.starts_with("PLAY")) reader.playing = true;
  }
  return true;
}

bool RtspFloor::go_on(Reader& reader) {
  while (reader.image_sent < reader.image->size()) {
    const ssize_t sent = send(reader.fd.get(), reader.image->data() + reader.image_sent,
                              reader.image->size() - reader.image_sent, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    reader.image_sent += static_cast<size_t>(sent);
  }
  reader.image.reset();
  return true;
}

void RtspFloor::send_udp(const Reader& reader) {
  const std::string& image = *newest_;
  const bool with_offload = options_.send_by == SendBy::Gso;
  for (size_t at = 0; at < image.size();) {
    std::array<iovec, kMostSegments> pieces;
    size_t count = 0;
    const size_t segment = size_at(image, at);
    do {
      const size_t size = size_at(image, at);
      pieces[count++] = {const_cast<char*>(image.data()) + at + 4, size};
      at += 4 + size;
      if (size != segment) break;
    } while (with_offload && at < image.size() && count < kMostSegments && size_at(image, at) <= segment);
    msghdr message{};
    message.msg_name = const_cast<sockaddr_in*>(&reader.rtp);
    message.msg_namelen = sizeof reader.rtp;
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(uint16_t))> control{};
    if (count > 1) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_UDP;
      head->cmsg_type = UDP_SEGMENT;
      head->cmsg_len = CMSG_LEN(sizeof(uint16_t));
      const auto bytes = static_cast<uint16_t>(segment);
      std::memcpy(CMSG_DATA(head), &bytes, sizeof bytes);
    }
    if (sendmsg(udp_.get(), &message, MSG_NOSIGNAL) < 0)
      return;  // full: the rest of the frame is lost, and counted by the reader
  }
}

}  // namespace bench
