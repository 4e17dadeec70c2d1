#include "capture/exec/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace camweave::exec {
namespace {

constexpr int grace_ms = 1000;
constexpr int pipe_bytes = 1 << 20;  // the most that an unprivileged process may ask for

struct Pipe {
  UniqueFd read, write;
  static Result<Pipe> create() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return system_error("pipe");
    return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
  }
};

void set_non_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (::access(name.c_str(), X_OK) == 0) return name;
    Error error = system_error(fmt::format("program '{}'", name));
    if (error.code == ErrorCode::permission_denied)
      error.message += ": make it executable (chmod +x) for the user that runs camweave";
    return error;
  }
  const char* path = std::getenv("PATH");
  std::string_view folders = path ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!folders.empty()) {
    const size_t end = folders.find(':');
    const std::string candidate = fmt::format("{}/{}", folders.substr(0, end), name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    folders.remove_prefix(end == std::string_view::npos ? folders.size() : end + 1);
  }
  return Error{ErrorCode::not_found, fmt::format("program '{}' is not in PATH: is it installed?", name)};
}

// From here to exec only what is safe after fork() in a process with threads: no memory, no locks.

void close_from(unsigned first) { ::syscall(SYS_close_range, first, ~0u, 0u); }

[[noreturn]] void run_program(const char* path, char* const* arguments, int output, int errors, int report,
                              pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // it died before we asked to be told
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int kept_report = ::fcntl(report, F_DUPFD_CLOEXEC, 10);
  ::dup2(input, 0);
  ::dup2(output, 1);
  ::dup2(errors, 2);
  for (int fd = 3; fd < kept_report; ++fd) ::close(fd);
  close_from(static_cast<unsigned>(kept_report) + 1);
  ::execve(path, arguments, environ);
  const int error = errno;
  [[maybe_unused]] const ssize_t put = ::write(kept_report, &error, sizeof error);
  ::_exit(127);
}

[[noreturn]] void guard_group(pid_t group, int guarded) {
  ::setpgid(0, 0);  // a Ctrl-C at the terminal is not for the guard
  ::signal(SIGTERM, SIG_IGN);
  ::dup2(guarded, 0);
  close_from(1);
  char byte;
  while (::read(0, &byte, 1) < 0 && errno == EINTR) {
  }
  ::kill(-group, SIGTERM);
  const timespec step{0, 20'000'000};
  for (int waited_ms = 0; waited_ms < grace_ms && ::kill(-group, 0) == 0; waited_ms += 20) ::nanosleep(&step, nullptr);
  ::kill(-group, SIGKILL);
  ::_exit(0);
}

std::string describe(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("ended with exit status {}", WEXITSTATUS(status));
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& words) {
  auto program = find_program(words.front());
  if (!program) return program.error();
  auto output = Pipe::create(), errors = Pipe::create(), report = Pipe::create();
  for (const auto* pipe : {&output, &errors, &report}) {
    if (!*pipe) return pipe->error();
  }
  ::fcntl(output->read.get(), F_SETPIPE_SZ, pipe_bytes);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return system_error("fork");
  if (child == 0) {
    run_program(program->c_str(), arguments.data(), output->write.get(), errors->write.get(), report->write.get(),
                parent);
  }
  ::setpgid(child, child);  // the child does it, too: whoever comes first
  set_non_blocking(output->read.get());
  set_non_blocking(errors->read.get());
  ChildProcess process(child, std::move(output->read), std::move(errors->read));
  report->write.reset();
  int error = 0;
  if (::read(report->read.get(), &error, sizeof error) == sizeof error) {
    return system_error(fmt::format("program '{}'", *program), error);
  }
  if (auto guarded = process.start_guard(); !guarded) return guarded.error();
  return process;
}

Result<void> ChildProcess::start_guard() {
  auto pipe = Pipe::create();
  if (!pipe) return pipe.error();
  guard_ = ::fork();
  if (guard_ < 0) return system_error("fork");
  if (guard_ == 0) guard_group(program_, pipe->read.get());
  guarded_ = std::move(pipe->write);
  return {};
}

ChildProcess::ChildProcess(pid_t program, UniqueFd output, UniqueFd errors)
    : program_(program), output_(std::move(output)), errors_(std::move(errors)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : program_(std::exchange(other.program_, -1)),
      guard_(std::exchange(other.guard_, -1)),
      status_(other.status_),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      guarded_(std::move(other.guarded_)) {}

ChildProcess::~ChildProcess() { end(); }

// The program stays a zombie until the group is ended, so that its number can't be another's by then.
bool ChildProcess::reaped_within(int patience_ms) {
  const timespec step{0, 5'000'000};
  for (int waited_ms = 0;; waited_ms += 5) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(program_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == program_)
      return true;
    if (waited_ms >= patience_ms) return false;
    ::nanosleep(&step, nullptr);
  }
}

std::string ChildProcess::wait_and_end(int patience_ms) {
  if (program_ > 0) reaped_within(patience_ms);
  return end();
}

std::string ChildProcess::end() {
  if (program_ > 0) {
    ::kill(-program_, SIGTERM);
    reaped_within(grace_ms);
    ::kill(-program_, SIGKILL);
    int status = 0;
    while (::waitpid(program_, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = status;
    program_ = -1;
  }
  if (guard_ > 0) {
    ::kill(guard_, SIGKILL);
    while (::waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
    }
    guard_ = -1;
  }
  return status_ ? describe(*status_) : "did not start";
}

}  // namespace camweave::exec
