// bench_floor: what serving frames costs when a program does nothing else. Peers and our server are measured against
// it.
#include <csignal>
#include <cstdio>

#include "../common/tcp.h"
#include "floor_options.h"
#include "floor_server.h"
#include "frame_source.h"
#include "rtsp_floor.h"

int main(int argc, char** argv) {
  std::string error;
  const auto options = bench::parse_floor_options(argc, argv, error);
  if (!options) {
    std::fprintf(stderr, "bench_floor: %s\n%s", error.c_str(), bench::kFloorUsage);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // sendfile has no MSG_NOSIGNAL
  bench::raise_open_file_limit();
  const auto say_port = [](uint16_t port) {
    if (port == 0) return std::perror("bench_floor: cannot listen"), false;
    std::printf("port %u\n", port);
    std::fflush(stdout);
    return true;
  };
  if (options->protocol == bench::FloorProtocol::RtspTcp || options->protocol == bench::FloorProtocol::RtspUdp) {
    bench::RtspFloor floor(*options);
    if (!say_port(floor.start())) return 1;
    floor.run();
  }
  bench::FrameSource source;
  if (!source.load(options->frames_dir)) {
    std::fprintf(stderr, "bench_floor: no JPEG in %s\n", options->frames_dir.c_str());
    return 1;
  }
  bench::FloorServer server(*options, source);
  if (!say_port(server.start())) return 1;
  server.run();
}
