// The lowest that a plain program reaches: one epoll loop, one shared image per frame, one send per client and frame.
// A slow client gets the newest frame when its socket has room again; nothing is queued for it. Thread-bound.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../common/unique_fd.h"
#include "floor_loop.h"
#include "floor_options.h"
#include "frame_source.h"
#include "image_store.h"
#include "page_pipe.h"

namespace bench {

class FloorServer final : private FloorLoop::Owner {
 public:
  FloorServer(const FloorOptions& options, const FrameSource& source);

  // Listens and starts the frame clock; the port, or 0 when the system refuses.
  uint16_t start();
  // Until the process is killed.
  void run() { loop_.run(*this); }

 private:
  struct Client {
    UniqueFd fd;
    std::string request;
    bool streaming = false;
    bool wants_newest = false;  // found no room when a frame came
    ImagePtr image;             // partly sent
    size_t sent_bytes = 0;
    uint64_t last_sequence = 0;
  };

  void on_accepted(UniqueFd fd) override;
  void on_tick(uint64_t frames) override;
  void on_events(int fd, uint32_t events) override;
  // False: the client is gone.
  bool read_request(Client& client);
  bool begin_frame(Client& client);
  bool go_on(Client& client);
  ssize_t send_rest(Client& client);
  ImagePtr make_image();
  void remove(Client& client);

  const FloorOptions options_;
  const FrameSource& source_;
  ImageStore store_;
  PagePipe pipe_;  // SendBy::Tee: holds the newest image
  FloorLoop loop_;
  std::vector<std::unique_ptr<Client>> clients_;  // by file descriptor
  ImagePtr newest_;
  uint64_t sequence_ = 0;
};

}  // namespace bench
