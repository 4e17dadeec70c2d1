// What both floors stand on: a listener on 127.0.0.1, a frame clock and the connections, in one epoll set.
// Thread-bound.
#pragma once

#include <cstdint>

#include "../common/unique_fd.h"
#include "floor_options.h"

namespace bench {

class FloorLoop {
 public:
  class Owner {
   public:
    virtual void on_accepted(UniqueFd fd) = 0;
    virtual void on_tick(uint64_t frames) = 0;  // so many are due: 1 unless the loop was late
    virtual void on_events(int fd, uint32_t events) = 0;

   protected:
    ~Owner() = default;
  };

  explicit FloorLoop(const FloorOptions& options);
  // Listens and starts the frame clock; the port, or 0 when the system refuses.
  uint16_t start();
  // Until the process is killed.
  void run(Owner& owner);

 private:
  uint16_t listen_on_loopback();
  void start_frame_clock();
  void watch(int fd, uint32_t events);
  void accept_all(Owner& owner);
  void tick(Owner& owner);

  const FloorOptions options_;
  UniqueFd epoll_, listener_, timer_;
};

}  // namespace bench
