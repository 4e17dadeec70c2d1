// SeqPacketSocket: one end of the worker's socket. Thread-safe for sending; receive from one thread.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "ipc/messages.h"

namespace camweave::ipc {

class SeqPacketSocket {
 public:
  explicit SeqPacketSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  // Both ends, close-on-exec, blocking.
  static Result<std::pair<UniqueFd, UniqueFd>> pair();

  // Sends one message, with a descriptor where >= 0. Waits at most 2 s for a peer that doesn't read, then fails with
  // `timeout`; `unavailable` when the peer is gone.
  Result<void> send(const Message& message, int passed_fd = -1);

  struct Received {
    Message message;
    UniqueFd passed_fd;
  };
  // Blocks for the next message; with `dont_wait` fails with `timeout` where there is none. `unavailable`: the peer is gone.
  enum class Wait { block, dont_wait };
  Result<Received> receive(Wait wait = Wait::block);

  int fd() const { return fd_.get(); }

 private:
  const UniqueFd fd_;
  Mutex send_mutex_;
  std::vector<std::byte> outgoing_ GUARDED_BY(send_mutex_);
  std::vector<std::byte> incoming_;
};

}  // namespace camweave::ipc
