// See floor_server.h.
#include "floor_server.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "../common/clock.h"
#include "../common/tcp.h"

namespace bench {

FloorServer::FloorServer(const FloorOptions& options, const FrameSource& source)
    : options_(options), source_(source), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

uint16_t FloorServer::start() {
  if (options_.send_by == SendBy::Sendfile && !store_.use_memfd(options_.store_slots, source_.largest_bytes()))
    return 0;
  listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  set_option(listener_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_congestion_control(listener_.get(), options_.congestion);
  sockaddr_in address{};
  parse_ipv4("127.0.0.1", options_.port, address);
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 0;
  if (listen(listener_.get(), 4096) != 0) return 0;
  socklen_t size = sizeof address;
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);

  timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const auto period_ns = static_cast<long>(1e9 / options_.fps);
  const timespec period{period_ns / 1'000'000'000, period_ns % 1'000'000'000};
  const itimerspec every{period, period};
  timerfd_settime(timer_.get(), 0, &every, nullptr);
  for (const int fd : {listener_.get(), timer_.get()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  return ntohs(address.sin_port);
}

void FloorServer::run() {
  std::array<epoll_event, 256> events;
  while (true) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.fd == listener_.get()) {
        accept_all();
      } else if (event.data.fd == timer_.get()) {
        on_tick();
      } else if (clients_[static_cast<size_t>(event.data.fd)]) {
        on_client(*clients_[static_cast<size_t>(event.data.fd)], event.events);
      }
    }
  }
}

void FloorServer::accept_all() {
  while (true) {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(options_.notsent_lowat_bytes));
    // Edge-triggered: EPOLLOUT comes only after a send that found no room, so a fast client costs no event.
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.fd = fd.get();
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event);
    const auto index = static_cast<size_t>(fd.get());
    if (clients_.size() <= index) clients_.resize(index + 1);
    clients_[index] = std::make_unique<Client>();
    clients_[index]->fd = std::move(fd);
    clients_[index]->streaming = options_.protocol == FloorProtocol::Raw;
  }
}

ImagePtr FloorServer::make_image() {
  const StampableJpeg& picture = source_.picture(sequence_);
  const int64_t now_us = unix_now_us();
  const std::string header = frame_header(options_.protocol, sequence_, now_us, picture.bytes.size());
  ImagePtr image = store_.take(header.size(), picture.bytes.size());
  if (!image) return nullptr;
  image->sequence = sequence_;
  std::memcpy(image->bytes.data(), header.data(), header.size());
  std::memcpy(image->bytes.data() + header.size(), picture.bytes.data(), picture.bytes.size());
  write_stamp(image->bytes.subspan(header.size()), picture, now_us, static_cast<uint32_t>(sequence_));
  return image;
}

void FloorServer::on_tick() {
  uint64_t ticks = 0;
  if (read(timer_.get(), &ticks, sizeof ticks) != sizeof ticks) return;
  sequence_ += ticks;
  ImagePtr image = make_image();
  if (!image) return;  // every slot is held by a slow client: this frame is dropped
  newest_ = std::move(image);
  for (const auto& client : clients_) {
    if (!client || !client->streaming || client->image || client->wants_newest) continue;
    if (!begin_frame(*client)) remove(*client);
  }
}

void FloorServer::on_client(Client& client, uint32_t events) {
  bool alive = (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) == 0;
  if (alive && (events & EPOLLIN) != 0) alive = read_request(client);
  if (alive && (events & EPOLLOUT) != 0 && client.streaming) {
    const bool idle = !client.image && !client.wants_newest;
    alive = idle || (client.image ? go_on(client) : begin_frame(client));
  }
  if (!alive) remove(client);
}

bool FloorServer::read_request(Client& client) {
  char buffer[2048];
  while (true) {
    const ssize_t got = recv(client.fd.get(), buffer, sizeof buffer, 0);
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN;
    if (client.streaming) continue;
    client.request.append(buffer, static_cast<size_t>(got));
    if (client.request.find("\r\n\r\n") == std::string::npos) continue;
    const std::string text = greeting(options_.protocol);
    if (::send(client.fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return false;
    client.streaming = true;
  }
}

bool FloorServer::begin_frame(Client& client) {
  if (!newest_ || newest_->sequence == client.last_sequence) return client.wants_newest = false, true;
  client.image = newest_;
  client.sent_bytes = 0;
  if (!go_on(client)) return false;
  // No room for even the first byte: by the time there is, a newer frame may have come.
  client.wants_newest = client.image && client.sent_bytes == 0;
  if (client.wants_newest) client.image.reset();
  return true;
}

bool FloorServer::go_on(Client& client) {
  while (client.image) {
    const ssize_t sent = send_rest(client);
    if (sent < 0) return errno == EAGAIN;
    client.sent_bytes += static_cast<size_t>(sent);
    if (client.sent_bytes < client.image->bytes.size()) continue;
    client.last_sequence = client.image->sequence;
    const bool was_newest = client.image == newest_;
    client.image.reset();
    if (!was_newest) return begin_frame(client);
  }
  return true;
}

ssize_t FloorServer::send_rest(Client& client) {
  Image& image = *client.image;
  if (options_.send_by == SendBy::Sendfile) {
    auto offset = static_cast<off_t>(image.file_offset + client.sent_bytes);
    return sendfile(client.fd.get(), store_.fd(), &offset, image.bytes.size() - client.sent_bytes);
  }
  const size_t header_sent = std::min(client.sent_bytes, image.header_bytes);
  const size_t body_sent = client.sent_bytes - header_sent;
  const size_t body_bytes = image.bytes.size() - image.header_bytes;
  iovec parts[2] = {{image.bytes.data() + header_sent, image.header_bytes - header_sent},
                    {image.bytes.data() + image.header_bytes + body_sent, body_bytes - body_sent}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  return sendmsg(client.fd.get(), &message, MSG_NOSIGNAL);
}

void FloorServer::remove(Client& client) { clients_[static_cast<size_t>(client.fd.get())].reset(); }

}  // namespace bench
