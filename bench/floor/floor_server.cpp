// See floor_server.h.
#include "floor_server.h"

#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "../common/clock.h"

namespace bench {

FloorServer::FloorServer(const FloorOptions& options, const FrameSource& source)
    : options_(options), source_(source), loop_(options) {}

uint16_t FloorServer::start() {
  const bool uses_file = options_.send_by == SendBy::Sendfile || options_.send_by == SendBy::Tee;
  if (uses_file && !store_.use_memfd(options_.store_slots, source_.largest_bytes())) return 0;
  if (options_.send_by == SendBy::Tee && !pipe_.open(store_.slot_bytes())) return 0;
  return loop_.start();
}

void FloorServer::on_accepted(UniqueFd fd) {
  const auto index = static_cast<size_t>(fd.get());
  if (clients_.size() <= index) clients_.resize(index + 1);
  clients_[index] = std::make_unique<Client>();
  clients_[index]->fd = std::move(fd);
  clients_[index]->streaming = options_.protocol == FloorProtocol::Raw;
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

void FloorServer::on_tick(uint64_t frames) {
  sequence_ += frames;
  ImagePtr image = make_image();
  if (!image) return;  // every slot is held by a slow client: this frame is dropped
  newest_ = std::move(image);
  if (options_.send_by == SendBy::Tee &&
      !pipe_.load(store_.fd(), static_cast<off_t>(newest_->file_offset), newest_->bytes.size()))
    std::abort();  // what is measured would be something else
  for (const auto& client : clients_) {
    if (!client || !client->streaming || client->image || client->wants_newest) continue;
    if (!begin_frame(*client)) remove(*client);
  }
}

void FloorServer::on_events(int fd, uint32_t events) {
  if (!clients_[static_cast<size_t>(fd)]) return;
  Client& client = *clients_[static_cast<size_t>(fd)];
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
  if (options_.send_by == SendBy::Tee && client.image == newest_ && client.sent_bytes == 0)
    return pipe_.send(client.fd.get());
  if (options_.send_by != SendBy::Sendmsg) {
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
