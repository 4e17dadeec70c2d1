// See options.h. One table row per option.
#include "options.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace bench {

const char kUsage[] =
    "bench_load --protocol mjpeg|multipart|websocket|raw|bundle|bundle-unix|rtsp-tcp|rtsp-udp --port N [options]\n"
    "  --host 127.0.0.1   --path /stream.mjpg (repeatable: clients take them in turn)   --unix PATH\n"
    "  --clients N        --slow M          M of the N clients read at --slow-bps bits per second\n"
    "  --slow-bps 20e6    --slow-rcvbuf 16384\n"
    "  --warmup 1         --seconds 3       measured time after every client has its first frame\n"
    "  --connect-timeout 10                 for all clients together, until the first frames are there\n"
    "  --mode drain|check                   check reads and judges every byte\n"
    "  --decode yes       --reference DIR   check: decode each frame; accept only scans of DIR's JPEGs\n"
    "  --congestion reno  --http 1.0|1.1    --churn CYCLES (connect, one frame, leave; CYCLES times)\n"
    "  --starting 128                       clients between connect and first frame at once\n"
    "Prints 'ready', 'done' and one line of JSON.\n";

namespace {

template <typename T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc{} && end == text.data() + text.size();
}

bool parse_protocol(std::string_view text, Protocol& out) {
  constexpr std::array<std::pair<std::string_view, Protocol>, 8> kNames = {{{"mjpeg", Protocol::Mjpeg},
                                                                            {"multipart", Protocol::Multipart},
                                                                            {"websocket", Protocol::WebSocket},
                                                                            {"raw", Protocol::Raw},
                                                                            {"bundle", Protocol::Bundle},
                                                                            {"bundle-unix", Protocol::BundleUnix},
                                                                            {"rtsp-tcp", Protocol::RtspTcp},
                                                                            {"rtsp-udp", Protocol::RtspUdp}}};
  for (const auto& [name, protocol] : kNames) {
    if (name == text) return out = protocol, true;
  }
  return false;
}

bool parse_mode(std::string_view text, Mode& out) {
  if (text != "drain" && text != "check") return false;
  out = text == "check" ? Mode::Check : Mode::Drain;
  return true;
}

struct Row {
  std::string_view name;
  bool (*apply)(std::string_view value, Options& options);
};

bool keep_text(std::string_view value, std::string& out) { return out = value, !value.empty(); }

constexpr std::array kRows = {
    Row{"--protocol", [](std::string_view v, Options& o) { return parse_protocol(v, o.protocol); }},
    Row{"--mode", [](std::string_view v, Options& o) { return parse_mode(v, o.mode); }},
    Row{"--decode", [](std::string_view v, Options& o) { return o.decode = v == "yes", true; }},
    Row{"--host", [](std::string_view v, Options& o) { return keep_text(v, o.host); }},
    Row{"--port", [](std::string_view v, Options& o) { return parse_number(v, o.port); }},
    Row{"--unix", [](std::string_view v, Options& o) { return keep_text(v, o.unix_path); }},
    Row{"--path", [](std::string_view v, Options& o) { return o.paths.emplace_back(v), true; }},
    Row{"--http", [](std::string_view v, Options& o) { return keep_text(v, o.http_version); }},
    Row{"--congestion", [](std::string_view v, Options& o) { return keep_text(v, o.congestion); }},
    Row{"--reference", [](std::string_view v, Options& o) { return keep_text(v, o.reference_dir); }},
    Row{"--clients", [](std::string_view v, Options& o) { return parse_number(v, o.clients); }},
    Row{"--slow", [](std::string_view v, Options& o) { return parse_number(v, o.slow_clients); }},
    Row{"--slow-bps", [](std::string_view v, Options& o) { return parse_number(v, o.slow_bits_per_s); }},
    Row{"--slow-rcvbuf", [](std::string_view v, Options& o) { return parse_number(v, o.slow_receive_buffer_bytes); }},
    Row{"--warmup", [](std::string_view v, Options& o) { return parse_number(v, o.warmup_s); }},
    Row{"--seconds", [](std::string_view v, Options& o) { return parse_number(v, o.seconds); }},
    Row{"--connect-timeout", [](std::string_view v, Options& o) { return parse_number(v, o.connect_timeout_s); }},
    Row{"--starting", [](std::string_view v, Options& o) { return parse_number(v, o.most_starting); }},
    Row{"--churn", [](std::string_view v, Options& o) { return parse_number(v, o.churn_cycles); }},
};

std::string check_together(const Options& options) {
  if (options.protocol == Protocol::BundleUnix) return options.unix_path.empty() ? "--unix is missing" : "";
  if (options.port == 0) return "--port is missing";
  if (options.clients == 0) return "--clients must be at least 1";
  if (options.slow_clients > options.clients) return "--slow is more than --clients";
  if (options.slow_bits_per_s <= 0 || options.seconds <= 0) return "a rate and a time must be more than 0";
  return "";
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, std::string& error) {
  Options options;
  options.paths.clear();
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const Row* row = nullptr;
    for (const Row& candidate : kRows) {
      if (candidate.name == name) row = &candidate;
    }
    if (row == nullptr || i + 1 >= argc || !row->apply(argv[i + 1], options)) {
      error = "unknown option or bad value: " + std::string(name);
      return std::nullopt;
    }
  }
  if (options.paths.empty()) options.paths.emplace_back("/");
  error = check_together(options);
  if (!error.empty()) return std::nullopt;
  return options;
}

}  // namespace bench
