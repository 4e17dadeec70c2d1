// UdpTransport: the server's pair of UDP sockets (RTP on an even port, RTCP on the next), shared by all sessions, which
// send frames by their loop's UdpBatch. Ports that nobody listens on are learned from the network's ICMP answers (the
// socket's error queue). Thread-safe.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include "base/mutex.h"
#include "net/connection.h"
#include "net/io_loop.h"

namespace camweave {

// Packets of a frame; payload as sender reports count it.
struct UdpPackets {
  uint32_t packets = 0;
  uint32_t payload_octets = 0;
};

// Where a client receives, when it was last heard of (its RTCP keeps the session alive), and since when the network
// says that nobody is there.
struct UdpPeer {
  sockaddr_storage rtp{};
  sockaddr_storage rtcp{};
  std::atomic<int64_t> last_heard_ns{0};
  std::atomic<int64_t> refused_since_ns{0};  // 0: it was not, or was heard since
  std::atomic<int64_t> refused_last_ns{0};
  UdpPackets unsent;  // the socket was full; only on its session's loop

  // Nobody has listened for this long; one stray answer is not enough.
  bool is_gone(std::chrono::nanoseconds for_this_long) const {
    const int64_t since = refused_since_ns;
    return since != 0 && refused_last_ns - since >= for_this_long.count();
  }
};

class UdpBatch;

class UdpTransport final : public std::enable_shared_from_this<UdpTransport>, public ReadinessHandler {
 public:
  // Binds the pair (any free even port) and reads RTCP on `loop`.
  static Result<std::shared_ptr<UdpTransport>> start(IoLoop& loop);

  std::pair<uint16_t, uint16_t> ports() const { return ports_; }

  std::shared_ptr<UdpPeer> add_peer(const IpAddress& address, std::pair<uint16_t, uint16_t> client_ports);

  // Where the sessions of a loop put their packets; thread-bound to it.
  std::shared_ptr<UdpBatch> batch_on(IoLoop& loop);
  int rtp_fd() const { return rtp_.fd(); }
  bool has_offload() const { return has_offload_; }
  void set_no_offload() { has_offload_ = false; }

  void send_rtcp(const UdpPeer& peer, std::span<const std::byte> packet);

  void on_readable() override;

 private:
  UdpTransport(IoLoop& loop, UniqueFd rtp, UniqueFd rtcp, std::pair<uint16_t, uint16_t> ports);

  void read_reports();
  void read_refusals();
  std::shared_ptr<UdpPeer> find(const IpAddress& address, uint16_t rtcp_port);
  void forget_ended() REQUIRES(mutex_);

  const std::pair<uint16_t, uint16_t> ports_;
  Connection rtp_;  // watched for what comes back: refusals
  Connection rtcp_;
  std::atomic<bool> has_offload_{true};

  Mutex mutex_;
  using Peers = std::map<std::pair<IpAddress, uint16_t>, std::weak_ptr<UdpPeer>>;
  Peers by_rtcp_ GUARDED_BY(mutex_);
  Peers by_rtp_ GUARDED_BY(mutex_);
  size_t forget_at_ GUARDED_BY(mutex_) = 64;
  std::map<IoLoop*, std::weak_ptr<UdpBatch>> batches_ GUARDED_BY(mutex_);
};

}  // namespace camweave
