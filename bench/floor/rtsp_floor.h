// The floor for RTSP: made-up access units of one size, packetised once for all, sent to each reader by one gathered
// send over TCP, or over UDP by one sendto per packet (what a plain program does) or by segmentation offload. It
// answers every request with 200. Thread-bound.
#pragma once

#include <netinet/in.h>

#include <memory>
#include <string>
#include <vector>

#include "../common/unique_fd.h"
#include "floor_loop.h"
#include "floor_options.h"

namespace bench {

class RtspFloor final : private FloorLoop::Owner {
 public:
  explicit RtspFloor(const FloorOptions& options);
  // Listens and starts the frame clock; the port, or 0 when the system refuses.
  uint16_t start();
  void run() { loop_.run(*this); }

 private:
  struct Reader {
    UniqueFd fd;
    std::string pending;
    sockaddr_in rtp{};
    bool playing = false;
    size_t image_sent = 0;  // of the frame under way; behind by more than one frame: those between are left out
    std::shared_ptr<const std::string> image;
  };
  void on_accepted(UniqueFd fd) override;
  void on_tick(uint64_t frames) override;
  void on_events(int fd, uint32_t events) override;
  bool answer_requests(Reader& reader);
  bool go_on(Reader& reader);
  void send_udp(const Reader& reader);
  void make_frame();

  const FloorOptions options_;
  FloorLoop loop_;
  UniqueFd udp_;
  std::vector<std::unique_ptr<Reader>> readers_;  // by file descriptor
  std::shared_ptr<const std::string> newest_;     // interleaved packets
  uint16_t sequence_ = 0;
  uint32_t rtp_time_ = 0;
};

}  // namespace bench
