// bench_load: N clients of one server, fast and slow, on one thread. Its last line of output is the result as JSON.
#include <cstdio>

#include "../common/tcp.h"
#include "frame_log.h"
#include "generator.h"
#include "options.h"
#include "rtsp_load.h"

int main(int argc, char** argv) {
  std::string error;
  const auto options = bench::parse_options(argc, argv, error);
  if (!options) {
    std::fprintf(stderr, "bench_load: %s\n%s", error.c_str(), bench::kUsage);
    return 2;
  }
  bench::raise_open_file_limit();
  bench::FrameLog log(*options);
  if (!options->reference_dir.empty() && !log.load_references(options->reference_dir)) {
    std::fprintf(stderr, "bench_load: no JPEG in %s\n", options->reference_dir.c_str());
    return 1;
  }
  const auto say = [](const char* word) {
    std::puts(word);
    std::fflush(stdout);
  };
  if (options->protocol == bench::Protocol::RtspTcp || options->protocol == bench::Protocol::RtspUdp) {
    bench::RtspLoad load(*options, say);
    load.run();
    std::puts(load.to_json().c_str());
    return 0;
  }
  bench::Generator generator(*options, log, say);
  generator.run();
  std::puts(log.to_json().c_str());
  return 0;
}
