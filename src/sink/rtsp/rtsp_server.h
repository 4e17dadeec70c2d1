// RtspServer: the listener and what its sessions share. Interfaces section 10; docs/reference/rtsp.md. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "net/listener.h"
#include "sink/rtsp/kept_gops.h"
#include "sink/rtsp/rtsp_service.h"

namespace camweave {

struct RtspServerOptions {
  std::string password;  // any user name; "" is protected mode
  bool udp = true;
  GopCache gop_cache = GopCache::automatic;
  std::shared_ptr<RtspSources> sources;  // shared with others that send the same renditions; null: its own
  size_t max_connections = 5000;
  size_t max_half_open = 1000;  // connections that don't play (yet); what is over gets 503
};

class RtspServer {
 public:
  // Borrowed ones must outlive the loops; the server ends before the cameras.
  static Result<std::unique_ptr<RtspServer>> start(IoLoops& loops, Cameras& cameras, Log& log,
                                                   const ListenAddress& address, RtspServerOptions options);

  const ListenAddress& address() const { return listener_->address(); }
  // For requests from now on.
  void set_password(std::string password) { service_->set_password(std::move(password)); }

  struct Figures {
    uint64_t sessions = 0;
    uint64_t readers = 0;
    uint64_t frames_dropped = 0;
    uint64_t refused_requests = 0;
    uint64_t readers_timed_out = 0;
    uint64_t readers_unreachable = 0;
  };
  Figures figures() const;

 private:
  RtspServer(std::shared_ptr<RtspService> service, std::unique_ptr<KeptGops> kept_gops,
             std::unique_ptr<Listener> listener)
      : service_(std::move(service)), kept_gops_(std::move(kept_gops)), listener_(std::move(listener)) {}

  const std::shared_ptr<RtspService> service_;
  const std::unique_ptr<KeptGops> kept_gops_;  // null: gop_cache is off
  const std::unique_ptr<Listener> listener_;
};

}  // namespace camweave
