#include "sink/rtsp/rtsp_server.h"

namespace camweave {

Result<std::unique_ptr<RtspServer>> RtspServer::start(IoLoops& loops, Cameras& cameras, Log& log, const ListenAddress& address,
                                                      RtspServerOptions options) {
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
                                 .refusal = "RTSP/1.0 503 Service Unavailable\r\n\r\n"};
  if (!options.sources) options.sources = std::make_shared<RtspSources>(loops);
  auto service = std::make_shared<RtspService>(cameras, std::move(options.sources), std::move(options.password), std::move(udp));
  auto started = Listener::start(loops, log, address, listener, [service](std::unique_ptr<Connection> connection) {
    RtspSession::start(service, std::move(connection));
  });
  if (!started) return started.error();
  return std::unique_ptr<RtspServer>(new RtspServer(std::move(service), std::move(*started)));
}

}  // namespace camweave
