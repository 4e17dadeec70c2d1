#include "net/outbound/name_lookup.h"

#include <netdb.h>

#include <cstring>
#include <system_error>
#include <thread>

#include "base/mutex.h"

namespace camweave {
namespace {

Result<std::vector<sockaddr_storage>> look_up(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (problem != 0) return Error{ErrorCode::unavailable, host + ": " + ::gai_strerror(problem)};
  std::vector<sockaddr_storage> addresses;
  for (const addrinfo* one = found; one; one = one->ai_next) {
    std::memcpy(&addresses.emplace_back(), one->ai_addr, one->ai_addrlen);
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

// Where the answer goes; outlives either side.
struct NameLookup::Mailbox {
  Mutex mutex;
  IoLoop* loop GUARDED_BY(mutex) = nullptr;  // null: nobody waits any more
  Done done;                                 // on the loop only

  static void deliver(const std::shared_ptr<Mailbox>& box, Result<std::vector<sockaddr_storage>> result) {
    MutexLock lock(box->mutex);
    if (!box->loop) return;
    box->loop->post([box, result = std::move(result)] {
      {
        MutexLock still(box->mutex);
        if (!box->loop) return;
      }
      box->done(result);
    });
  }
};

NameLookup::NameLookup(IoLoop& loop, const std::string& host, uint16_t port, Done done)
    : mailbox_(std::make_shared<Mailbox>()) {
  {
    MutexLock lock(mailbox_->mutex);
    mailbox_->loop = &loop;
  }
  mailbox_->done = std::move(done);
  if (auto numeric = look_up(host, port, AI_NUMERICHOST)) {
    Mailbox::deliver(mailbox_, std::move(numeric));
    return;
  }
  try {
    std::thread([box = mailbox_, host, port] { Mailbox::deliver(box, look_up(host, port, 0)); }).detach();
  } catch (const std::system_error&) {
    Mailbox::deliver(mailbox_, Error{ErrorCode::exhausted, host + ": no thread to look the name up"});
  }
}

NameLookup::~NameLookup() {
  MutexLock lock(mailbox_->mutex);
  mailbox_->loop = nullptr;
}

}  // namespace camweave
