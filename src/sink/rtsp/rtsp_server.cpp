#include "sink/rtsp/rtsp_server.h"

#include <sys/socket.h>

#include "sink/rtsp/rtsp_session.h"

namespace camweave {
namespace {

constexpr std::string_view refusal = "RTSP/1.0 503 Service Unavailable\r\n\r\n";

bool is_full(const RtspService& service, size_t max_half_open) {
  const uint64_t sessions = service.sessions, playing = service.playing;
  return sessions >= playing && sessions - playing >= max_half_open;
}

}  // namespace

Result<std::unique_ptr<RtspServer>> RtspServer::start(IoLoops& loops, Cameras& cameras, Log& log,
                                                      const ListenAddress& address, RtspServerOptions options) {
  std::shared_ptr<UdpTransport> udp;
  if (options.udp) {
    auto started = UdpTransport::start(loops.at(0));
    if (started) {
      udp = std::move(*started);
    } else {
      log.warning("rtsp", "{}; readers are served over TCP alone", started.error().message);
    }
  }
  const ListenerOptions listener{.max_connections = options.max_connections,
                                 .max_connections_per_address = options.max_connections,
                                 .subject = "rtsp",
                                 .refusal = std::string(refusal)};
  if (!options.sources) options.sources = std::make_shared<RtspSources>(loops);
  auto service = std::make_shared<RtspService>(cameras, std::move(options.sources), options.gop_cache, std::move(udp));
  service->set_password(std::move(options.password));
  auto started = Listener::start(
      loops, log, address, listener, [service, most = options.max_half_open](std::unique_ptr<Connection> connection) {
        if (!is_full(*service, most)) return RtspSession::start(service, std::move(connection));
        ++service->refused_requests;
        [[maybe_unused]] const ssize_t sent = ::send(connection->fd(), refusal.data(), refusal.size(), MSG_NOSIGNAL);
      });
  if (!started) return started.error();
  auto kept_gops = options.gop_cache == GopCache::off ? nullptr : std::make_unique<KeptGops>(cameras);
  return std::unique_ptr<RtspServer>(new RtspServer(std::move(service), std::move(kept_gops), std::move(*started)));
}

RtspServer::Figures RtspServer::figures() const {
  return {.sessions = service_->sessions,
          .readers = service_->playing,
          .frames_dropped = service_->frames_dropped,
          .refused_requests = service_->refused_requests,
          .readers_timed_out = service_->readers_timed_out,
          .readers_unreachable = service_->readers_unreachable};
}

}  // namespace camweave
