#include "control/supervisor/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "ipc/seq_packet_socket.h"

extern char** environ;

namespace camweave {
namespace {

constexpr int worker_socket_fd = 3;

// Frees what posix_spawn's two structures hold.
struct SpawnPlan {
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

void plan_descriptors(SpawnPlan& plan, int socket, int error_pipe) {
  ::posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&plan.actions, error_pipe, 1);
  ::posix_spawn_file_actions_adddup2(&plan.actions, error_pipe, 2);
  ::posix_spawn_file_actions_adddup2(&plan.actions, socket, worker_socket_fd);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, worker_socket_fd + 1);
}

// A group of its own, so that Ctrl-C in the server's terminal doesn't end cameras before the server has said stop.
void plan_signals(SpawnPlan& plan) {
  sigset_t none, handled;
  ::sigemptyset(&none);
  ::sigemptyset(&handled);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2}) ::sigaddset(&handled, number);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &handled);
  ::posix_spawnattr_setpgroup(&plan.attributes, 0);
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

// Out of the way of the numbers that the child's plan overwrites one after another.
Result<UniqueFd> above_standard_fds(UniqueFd fd) {
  if (fd.get() > worker_socket_fd) return fd;
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, worker_socket_fd + 1));
  if (!moved) return system_error("fcntl(F_DUPFD_CLOEXEC)");
  return moved;
}

}  // namespace

Result<WorkerProcess> WorkerProcess::start(const std::string& program) {
  auto sockets = ipc::SeqPacketSocket::pair();
  if (!sockets) return sockets.error();
  std::array<int, 2> pipe_fds{};
  if (::pipe2(pipe_fds.data(), O_CLOEXEC) != 0) return system_error("pipe");
  UniqueFd pipe_read(pipe_fds[0]), pipe_write(pipe_fds[1]);
  ::fcntl(pipe_read.get(), F_SETFL, O_NONBLOCK);
  auto child_socket = above_standard_fds(std::move(sockets->second));
  if (!child_socket) return child_socket.error();
  auto child_pipe = above_standard_fds(std::move(pipe_write));
  if (!child_pipe) return child_pipe.error();

  SpawnPlan plan;
  plan_descriptors(plan, child_socket->get(), child_pipe->get());
  plan_signals(plan);
  WorkerProcess worker;
  std::array<char*, 2> arguments{const_cast<char*>(program.c_str()), nullptr};
  const int failed =
      ::posix_spawn(&worker.pid, program.c_str(), &plan.actions, &plan.attributes, arguments.data(), environ);
  if (failed) return system_error(program, failed);
  worker.pid_fd.reset(static_cast<int>(::syscall(SYS_pidfd_open, worker.pid, 0)));
  if (!worker.pid_fd) {
    const Error error = system_error("pidfd_open (Linux 5.3 or later is needed)");
    ::kill(worker.pid, SIGKILL);
    ::waitpid(worker.pid, nullptr, 0);
    return error;
  }
  worker.socket = std::move(sockets->first);
  worker.error_pipe = std::move(pipe_read);
  return worker;
}

// The group's number can't be another's: we have not reaped its leader yet (callers know), so it is taken.
void WorkerProcess::signal(int number) const { ::kill(-pid, number); }

std::string describe_exit(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return fmt::format("ended by signal {} ({})", WTERMSIG(wait_status), ::strsignal(WTERMSIG(wait_status)));
  }
  return fmt::format("ended with exit code {}", WEXITSTATUS(wait_status));
}

}  // namespace camweave
