#include "sink/rtsp/udp_batch.h"

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
constexpr size_t enough_messages = 128;  // more in one call gain nothing; the kernel takes 1024

// An ICMP answer to an earlier packet, perhaps another reader's, fails one call; the error queue has it.
bool is_refusal(int error_number) {
  return error_number == ECONNREFUSED || error_number == EHOSTUNREACH || error_number == ENETUNREACH;
}

}  // namespace

// Up to 64 packets of equal size, the last may be shorter: one message.
struct UdpBatch::Run {
  size_t first = 0;  // of the cut's packets
  size_t count = 0;
  size_t bytes = 0;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(uint16_t))> control{};

  bool takes(size_t packet_bytes, std::span<const iovec> packets) const {
    const size_t segment = packets[first].iov_len;
    return count < most_segments && bytes + packet_bytes <= most_offload_bytes && packet_bytes <= segment &&
           packets.back().iov_len == segment;
  }
  void set_segment(size_t segment_bytes) {
    auto* head = reinterpret_cast<cmsghdr*>(control.data());
    head->cmsg_level = SOL_UDP;
    head->cmsg_type = UDP_SEGMENT;
    head->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const auto size = static_cast<uint16_t>(segment_bytes);
    std::memcpy(CMSG_DATA(head), &size, sizeof size);
  }
};

// A burst of a frame, the same for all readers that are at this place.
struct UdpBatch::Cut {
  PacketPtr frame;
  const std::byte* begin = nullptr;
  size_t most_packets = 0;
  std::span<const std::byte> rest;  // what lies behind it
  std::vector<iovec> packets;
  std::vector<Run> runs;
  UdpPackets total;
};

UdpBatch::UdpBatch(IoLoop& loop, std::shared_ptr<UdpTransport> transport)
    : loop_(loop), transport_(std::move(transport)) {}

UdpBatch::~UdpBatch() = default;

const UdpBatch::Cut& UdpBatch::cut(const PacketPtr& frame, std::span<const std::byte> from, size_t most_packets) {
  if (!cuts_.empty() && cuts_.back().begin == from.data() && cuts_.back().most_packets == most_packets)
    return cuts_.back();
  Cut& made = cuts_.emplace_back(Cut{.frame = frame, .begin = from.data(), .most_packets = most_packets, .rest = from});
  const bool has_offload = transport_->has_offload();
  while (made.packets.size() < most_packets) {
    const auto packet = rtp::next_packet(made.rest);
    if (packet.empty()) {
      made.rest = {};
      break;
    }
    if (made.runs.empty() || !has_offload || !made.runs.back().takes(packet.size(), made.packets))
      made.runs.push_back(Run{.first = made.packets.size()});
    made.packets.push_back({const_cast<std::byte*>(packet.data()), packet.size()});
    Run& run = made.runs.back();
    ++run.count;
    run.bytes += packet.size();
    made.total.payload_octets += static_cast<uint32_t>(packet.size() - rtp::header_bytes);
  }
  made.total.packets = static_cast<uint32_t>(made.packets.size());
  for (Run& run : made.runs) run.set_segment(made.packets[run.first].iov_len);
  return made;
}

UdpPackets UdpBatch::add(const std::shared_ptr<UdpPeer>& peer, const PacketPtr& frame, std::span<const std::byte>& rest,
                         size_t most_packets) {
  const Cut& burst = cut(frame, rest, most_packets);
  rest = burst.rest;
  const UdpPackets queued = burst.total;
  for (const Run& run : burst.runs) {
    messages_.push_back({peer, &run});
    mmsghdr& header = headers_.emplace_back(mmsghdr{});
    header.msg_hdr.msg_name = &peer->rtp;
    header.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
    header.msg_hdr.msg_iov = const_cast<iovec*>(&burst.packets[run.first]);
    header.msg_hdr.msg_iovlen = run.count;
    if (run.count == 1) continue;
    header.msg_hdr.msg_control = const_cast<char*>(run.control.data());
    header.msg_hdr.msg_controllen = run.control.size();
  }
  if (messages_.size() >= enough_messages) {
    flush();
  } else if (!is_scheduled_) {
    is_scheduled_ = true;
    loop_.post([self = shared_from_this()] {
      self->is_scheduled_ = false;
      self->flush();
    });
  }
  return queued;
}

void UdpBatch::flush() {
  bool has_asked_again = false;
  for (size_t at = 0; at < headers_.size();) {
    const auto left = static_cast<unsigned>(headers_.size() - at);
    const int sent = ::sendmmsg(transport_->rtp_fd(), &headers_[at], left, MSG_NOSIGNAL);
    if (sent > 0) {
      at += static_cast<size_t>(sent);
      has_asked_again = false;
    } else if (!is_refusal(errno) || std::exchange(has_asked_again, true)) {
      at = after_failure(at, errno);
      has_asked_again = false;
    }
  }
  messages_.clear();
  headers_.clear();
  cuts_.clear();
}

// Where to go on.
size_t UdpBatch::after_failure(size_t at, int error_number) {
  const Message& failed = messages_[at];
  if (error_number == EAGAIN || error_number == ENOBUFS) {
    size_t next = at;
    for (; next < messages_.size() && messages_[next].peer == failed.peer; ++next) {
      const Run& run = *messages_[next].run;
      failed.peer->unsent.packets += static_cast<uint32_t>(run.count);
      failed.peer->unsent.payload_octets += static_cast<uint32_t>(run.bytes - run.count * rtp::header_bytes);
    }
    return next;
  }
  const bool may_be_offload = error_number == EIO || error_number == EINVAL || error_number == EMSGSIZE;
  if (failed.run->count > 1 && may_be_offload) {
    transport_->set_no_offload();  // a device or tunnel without it: one by one from now on
    send_one_by_one(failed);
  }
  // Whatever else it is (no route): the session's time-out ends it; other sessions share the socket.
  return at + 1;
}

void UdpBatch::send_one_by_one(const Message& message) {
  const auto at = static_cast<size_t>(&message - messages_.data());
  msghdr one = headers_[at].msg_hdr;
  one.msg_control = nullptr;
  one.msg_controllen = 0;
  one.msg_iovlen = 1;
  for (size_t i = 0; i < message.run->count; ++i, ++one.msg_iov) ::sendmsg(transport_->rtp_fd(), &one, MSG_NOSIGNAL);
}

}  // namespace camweave
