// Connector: a TCP connection to the first of a host's addresses that takes one. Private to this folder. Thread-bound;
// never blocks. How long it may take is its owner's business: destroying it ends it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/connection.h"
#include "net/outbound/name_lookup.h"

namespace camweave {

class Connector final : public ReadinessHandler, public std::enable_shared_from_this<Connector> {
 public:
  using Done = std::function<void(Result<std::unique_ptr<Connection>>)>;

  // Calls `done` once, unless cancel() comes before.
  static std::shared_ptr<Connector> start(IoLoop& loop, std::string host, uint16_t port, Done done);
  void cancel();

  void on_writable() override;

 private:
  Connector(IoLoop& loop, std::string host, uint16_t port, Done done)
      : loop_(loop), host_(std::move(host)), port_(port), done_(std::move(done)) {}
  void try_next();
  void finish(Result<std::unique_ptr<Connection>> result);

  IoLoop& loop_;
  const std::string host_;
  const uint16_t port_;
  Done done_;
  std::optional<NameLookup> lookup_;
  std::vector<sockaddr_storage> addresses_;
  size_t next_ = 0;
  int last_error_ = 0;
  std::unique_ptr<Connection> trying_;
};

}  // namespace camweave
