#include "capture/worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "capture/camera_list.h"
#include "capture/worker_run.h"

namespace camweave {
namespace {

constexpr int server_fd = 3;

// A signal handler can reach nothing but a global; it belongs to this file and to run_worker() alone.
std::atomic<StopSignal*> stop_on_signal{nullptr};
static_assert(std::atomic<StopSignal*>::is_always_lock_free);

void on_terminate(int) {
  const int saved_errno = errno;
  if (StopSignal* stop = stop_on_signal.load()) stop->raise();
  errno = saved_errno;
}

// Ctrl-C in a terminal reaches the server and its workers alike; the server ends them. A handler and not SIG_IGN, which
// programs that a driver starts would inherit.
void on_interrupt(int) {}

void install(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

void write_line(int fd, std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(fd, line.data(), line.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) line.remove_prefix(static_cast<size_t>(written));
  }
}

void write_log_line(const LogLine& line) {
  std::string text = fmt::format("{} {}\n", to_string(line.level), line.text);
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\n' || text[i] == '\r') text[i] = ' ';
  }
  write_line(STDERR_FILENO, text);
}

int list_cameras(const Driver& driver) {
  const auto found = driver.list ? driver.list() : Result<std::vector<FoundCamera>>(std::vector<FoundCamera>());
  if (!found) {
    write_line(STDERR_FILENO, fmt::format("error {}\n", found.error().message));
    return 1;
  }
  write_line(STDOUT_FILENO, to_json_text(*found) + "\n");
  return 0;
}

int wrong_use(const Driver& driver) {
  write_line(STDERR_FILENO, fmt::format("error camweave-capture-{0} is started by `camweave serve`; by hand only: "
                                        "camweave-capture-{0} --list\n",
                                        driver.name));
  return 2;
}

bool is_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

}  // namespace

int run_worker(const Driver& driver, int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--list") return list_cameras(driver);
  if (argc != 1 || !is_socket(server_fd)) return wrong_use(driver);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  UniqueFd socket(server_fd);
  ::fcntl(server_fd, F_SETFD, FD_CLOEXEC);  // programs that the driver starts must not keep it open

  auto stop = StopSignal::create();
  if (!stop) {
    write_line(STDERR_FILENO, fmt::format("error {}\n", stop.error().message));
    return 1;
  }
  stop_on_signal = &*stop;
  install(SIGTERM, on_terminate);
  install(SIGINT, on_interrupt);
  ::signal(SIGPIPE, SIG_IGN);

  const SystemClock clock;
  Log log(clock, LogLevel::debug, write_log_line);
  const int code = run_camera(driver, std::move(socket), *stop, make_encoder, clock, log);
  stop_on_signal = nullptr;
  return code;
}

}  // namespace camweave
