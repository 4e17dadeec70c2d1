// RtspServer: the listener and what its sessions share. Interfaces section 10; docs/reference/rtsp.md.
#pragma once

#include <memory>
#include <string>

#include "net/listener.h"
#include "sink/rtsp/rtsp_session.h"

namespace camweave {

struct RtspServerOptions {
  std::string password;  // any user name; "" is protected mode
  bool udp = true;
  std::shared_ptr<RtspSources> sources;  // shared with others that send the same renditions; null: its own
  size_t max_connections = 5000;
};

class RtspServer {
 public:
  // Borrowed ones must outlive the loops.
  static Result<std::unique_ptr<RtspServer>> start(IoLoops& loops, Cameras& cameras, Log& log, const ListenAddress& address,
                                                   RtspServerOptions options);

  const ListenAddress& address() const { return listener_->address(); }
  uint64_t session_count() const { return service_->sessions; }
  uint64_t frames_dropped() const { return service_->frames_dropped; }
  uint64_t refused_requests() const { return service_->refused_requests; }

 private:
  RtspServer(std::shared_ptr<RtspService> service, std::unique_ptr<Listener> listener)
      : service_(std::move(service)), listener_(std::move(listener)) {}

  const std::shared_ptr<RtspService> service_;
  const std::unique_ptr<Listener> listener_;
};

}  // namespace camweave
