// NameLookup: a host's addresses, without ever holding up a loop or the end of the program: getaddrinfo runs on a
// thread of its own, which is left behind when the lookup is dropped. (Asio's resolver would join it: a dead name
// server takes longer than a server may take to end.) Thread-bound to its loop.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/io_loop.h"

namespace camweave {

class NameLookup {
 public:
  using Done = std::function<void(Result<std::vector<sockaddr_storage>>)>;

  // Calls `done` on the loop, once, unless this is destroyed before. An IP address needs no thread and no time, but the
  // answer comes later, too.
  NameLookup(IoLoop& loop, const std::string& host, uint16_t port, Done done);
  ~NameLookup();
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

 private:
  struct Mailbox;
  const std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace camweave
