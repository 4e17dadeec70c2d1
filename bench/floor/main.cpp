// bench_floor: what serving frames costs when a program does nothing else. Peers and our server are measured against
// it.
#include <csignal>
#include <cstdio>

#include "../common/tcp.h"
#include "floor_options.h"
#include "floor_server.h"
#include "frame_source.h"

int main(int argc, char** argv) {
  std::string error;
  const auto options = bench::parse_floor_options(argc, argv, error);
  if (!options) {
    std::fprintf(stderr, "bench_floor: %s\n%s", error.c_str(), bench::kFloorUsage);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // sendfile has no MSG_NOSIGNAL
  bench::raise_open_file_limit();
  bench::FrameSource source;
  if (!source.load(options->frames_dir)) {
    std::fprintf(stderr, "bench_floor: no JPEG in %s\n", options->frames_dir.c_str());
    return 1;
  }
  bench::FloorServer server(*options, source);
  const uint16_t port = server.start();
  if (port == 0) {
    std::perror("bench_floor: cannot listen");
    return 1;
  }
  std::printf("port %u\n", port);
  std::fflush(stdout);
  server.run();
}
