// UdpBatch: RTP packets on their way from the sessions of one loop to the server's UDP socket. What they send in one
// turn of the loop goes out by few system calls (sendmmsg), each reader's packets in runs of equal ones by segmentation
// offload (UDP_SEGMENT); a frame is cut into runs once for all its readers. Thread-bound to its loop.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "media/packet.h"
#include "sink/rtsp/udp_transport.h"

namespace camweave {

class UdpBatch : public std::enable_shared_from_this<UdpBatch> {
 public:
  UdpBatch(IoLoop& loop, std::shared_ptr<UdpTransport> transport);
  ~UdpBatch();

  // Queues packets of `frame` (its body: interleaved form) from `rest` on, at most `most_packets`; `rest` moves on
  // behind them. They are sent before the loop waits again; what the socket has no room for then is told in
  // `peer->unsent`.
  UdpPackets add(const std::shared_ptr<UdpPeer>& peer, const PacketPtr& frame, std::span<const std::byte>& rest,
                 size_t most_packets);
  // At once what is queued: before something that must not overtake it.
  void flush();

 private:
  struct Run;
  struct Cut;
  struct Message {
    std::shared_ptr<UdpPeer> peer;
    const Run* run;
  };
  const Cut& cut(const PacketPtr& frame, std::span<const std::byte> from, size_t most_packets);
  size_t after_failure(size_t at, int error_number);
  void send_one_by_one(const Message& message);

  IoLoop& loop_;
  const std::shared_ptr<UdpTransport> transport_;
  bool is_scheduled_ = false;
  std::deque<Cut> cuts_;           // those that messages_ refers to
  std::vector<Message> messages_;  // in the order of sending
  std::vector<mmsghdr> headers_;   // of messages_
};

}  // namespace camweave
