// `camweave snapshot`: one picture from a running server, or from the camera itself when none runs.
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "base/unique_fd.h"
#include "control/config/config_files.h"
#include "control/supervisor/supervisor.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;
constexpr timeval network_patience{15, 0};
constexpr auto camera_patience = 15s;
constexpr size_t max_answer_bytes = size_t{128} << 20;

struct ServerUrl {
  std::string host, port;
};

Result<ServerUrl> parse_server_url(std::string_view url) {
  const Error wrong{ErrorCode::invalid_argument, fmt::format("--url '{}' is not http://HOST[:PORT]", url)};
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return wrong;
  url.remove_prefix(scheme.size());
  url = url.substr(0, url.find('/'));
  const size_t bracket = url.starts_with('[') ? url.find(']') : 0;
  if (bracket == std::string_view::npos) return wrong;
  const size_t colon = url.find(':', bracket);
  ServerUrl parsed{std::string(url.substr(0, colon)),
                   colon == std::string_view::npos ? "80" : std::string(url.substr(colon + 1))};
  if (parsed.host.starts_with('[')) parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  if (parsed.host.empty() || parsed.port.empty()) return wrong;
  return parsed;
}

// `unavailable`: nobody listens there.
Result<UniqueFd> connect_to(const ServerUrl& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failed = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &list); failed != 0) {
    return Error{ErrorCode::not_found, fmt::format("{}: {}", url.host, ::gai_strerror(failed))};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  int error_number = 0;
  for (const addrinfo* entry = list; entry; entry = entry->ai_next) {
    UniqueFd fd(::socket(entry->ai_family, entry->ai_socktype | SOCK_CLOEXEC, entry->ai_protocol));
    if (!fd) continue;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &network_patience, sizeof network_patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &network_patience, sizeof network_patience);
    if (::connect(fd.get(), entry->ai_addr, entry->ai_addrlen) == 0) return fd;
    error_number = errno;
  }
  Error error = system_error(fmt::format("{}:{}", url.host, url.port), error_number);
  if (error_number == ECONNREFUSED) error.code = ErrorCode::unavailable;
  return error;
}

Result<std::string> read_to_end(int fd) {
  std::string text;
  std::array<char, 64 * 1024> block;
  while (true) {
    const ssize_t n = ::recv(fd, block.data(), block.size(), 0);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("the server's answer");
    text.append(block.data(), static_cast<size_t>(n));
    if (text.size() > max_answer_bytes) return Error{ErrorCode::exhausted, "the server's answer is too long"};
  }
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    const bool is_plain = std::isalnum(c) || c == '-' || c == '_' || c == '.';
    out += is_plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return out;
}

Result<std::string> body_of(const std::string& answer) {
  const size_t head_end = answer.find("\r\n\r\n");
  const size_t space = answer.find(' ');
  int status = 0;
  if (head_end != std::string::npos && space != std::string::npos) {
    std::from_chars(answer.data() + space + 1, answer.data() + head_end, status);
  }
  if (!status) return Error{ErrorCode::protocol, "what answered is no HTTP server"};
  std::string body = answer.substr(head_end + 4);
  if (status == 200) return body;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const bool has_detail = json.is_object() && json.contains("detail") && json["detail"].is_string();
  return Error{ErrorCode::io,
               has_detail ? json["detail"].get<std::string>() : fmt::format("the server answered {}", status)};
}

Result<std::string> from_server(const SnapshotOptions& options) {
  auto url = parse_server_url(options.url);
  if (!url) return url.error();
  auto fd = connect_to(*url);
  if (!fd) return fd.error();
  std::string request =
      fmt::format("GET /api/v1/cameras/{}/snapshot.jpg HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n",
                  percent_encoded(options.camera), url->host, url->port);
  if (!options.api_key.empty()) request += fmt::format("X-API-Key: {}\r\n", options.api_key);
  request += "\r\n";
  if (::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return system_error("the server");
  }
  auto answer = read_to_end(fd->get());
  if (!answer) return answer.error();
  return body_of(*answer);
}

// A camera of the configuration, or a source as one writes it there.
Result<CameraConfig> camera_by_name(const std::string& name) {
  auto config = load_config(find_config_file(""), {});
  if (!config) return config.error();
  for (const CameraConfig& camera : config->cameras) {
    if (camera.id == name) return camera;
  }
  if (name.find(':') == std::string::npos) {
    return Error{ErrorCode::not_found, fmt::format("no server runs, and the configuration has no camera '{}': give a "
                                                   "source as v4l2:/dev/video0, see `camweave cameras`",
                                                   name)};
  }
  CameraConfig camera;
  camera.id = "snapshot";
  camera.source = name;
  return camera;
}

Result<std::string> from_camera(const CameraConfig& camera) {
  const SystemClock clock;
  Log log(clock, LogLevel::error, text_log_writer(STDERR_FILENO));
  auto supervisor = Supervisor::start(clock, log, {});
  if (!supervisor) return supervisor.error();
  Mutex mutex;
  CondVar changed;
  std::optional<CameraStatus> status;
  const auto subscription = (*supervisor)->subscribe([&](const CameraEvent& event) {
    MutexLock lock(mutex);
    if (event.kind == CameraEvent::Kind::changed) status = event.status;
    changed.notify_all();
  });
  (*supervisor)->configure({camera});
  auto stream = (*supervisor)->open(camera.id, {});
  if (!stream) return stream.error();

  const Timestamp deadline = clock.now() + camera_patience;
  PacketPtr packet;
  while (!(packet = (*stream)->newest())) {
    MutexLock lock(mutex);
    if (status && !status->health.last_error.empty()) return Error{ErrorCode::io, status->health.last_error};
    if (clock.now() >= deadline) return Error{ErrorCode::timeout, "no picture came within 15 s"};
    changed.wait_until(mutex, std::min(deadline, clock.now() + 10ms));
  }
  const auto bytes = packet->body.bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<void> write_picture(const std::string& path, const std::string& jpeg) {
  const bool to_stdout = path.empty() || path == "-";
  std::FILE* file = to_stdout ? stdout : std::fopen(path.c_str(), "wb");
  if (!file) return system_error(path);
  const bool is_written = std::fwrite(jpeg.data(), 1, jpeg.size(), file) == jpeg.size() && std::fflush(file) == 0;
  const int error_number = errno;
  if (!to_stdout) std::fclose(file);
  if (!is_written) return system_error(to_stdout ? "stdout" : path, error_number);
  return {};
}

}  // namespace

int take_snapshot(const SnapshotOptions& options) {
  auto jpeg = from_server(options);
  if (!jpeg && jpeg.error().code == ErrorCode::unavailable) {
    auto camera = camera_by_name(options.camera);
    jpeg = camera ? from_camera(*camera) : Result<std::string>(camera.error());
  }
  auto written = jpeg ? write_picture(options.output, *jpeg) : Result<void>(jpeg.error());
  if (written) return exit_fine;
  say_fatal(written.error().message);
  return jpeg || jpeg.error().code != ErrorCode::invalid_argument ? exit_failed : exit_wrong_use;
}

}  // namespace camweave
