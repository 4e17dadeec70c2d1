// UdpTransport: the server's pair of UDP sockets (RTP on an even port, RTCP on the next), shared by all sessions. A frame
// goes to a client by segmentation offload (UDP_SEGMENT): runs of equal packets in one system call. Thread-safe.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <map>
#include <memory>
#include <span>

#include "base/mutex.h"
#include "net/connection.h"
#include "net/io_loop.h"

namespace camweave {

// Where a client receives, and when it was last heard of (its RTCP keeps the session alive).
struct UdpPeer {
  sockaddr_storage rtp{};
  sockaddr_storage rtcp{};
  std::atomic<int64_t> last_heard_ns{0};
};

class UdpTransport : public std::enable_shared_from_this<UdpTransport>, public ReadinessHandler {
 public:
  // Binds the pair (any free even port) and reads RTCP on `loop`.
  static Result<std::shared_ptr<UdpTransport>> start(IoLoop& loop);

  std::pair<uint16_t, uint16_t> ports() const { return ports_; }

  std::shared_ptr<UdpPeer> add_peer(const IpAddress& address, std::pair<uint16_t, uint16_t> client_ports);

  enum class Sent { all, socket_full };
  // Packets of one frame, interleaved form, from `from` on and at most `most_packets`; `from` moves on behind what was sent.
  Sent send_packets(const UdpPeer& peer, std::span<const std::byte>& from, size_t most_packets);
  void send_rtcp(const UdpPeer& peer, std::span<const std::byte> packet);

  void on_readable() override;

 private:
  UdpTransport(IoLoop& loop, UniqueFd rtp, UniqueFd rtcp, std::pair<uint16_t, uint16_t> ports);

  const std::pair<uint16_t, uint16_t> ports_;
  const UniqueFd rtp_;
  Connection rtcp_;
  std::atomic<bool> has_offload_{true};

  Mutex mutex_;
  std::map<std::pair<IpAddress, uint16_t>, std::weak_ptr<UdpPeer>> peers_ GUARDED_BY(mutex_);  // by RTCP address
};

}  // namespace camweave
