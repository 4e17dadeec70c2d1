#include "capture/worker_run.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cstdlib>

#include "capture/control_loop.h"

namespace camweave {
namespace {

// Address space only: a slot costs the memory that its largest packet touched, and the newest slot is used again first.
constexpr uint32_t slot_count = 32;
constexpr uint64_t slot_bytes = uint64_t{32} << 20;
static_assert(slot_count <= ipc::max_slots && slot_bytes <= ipc::max_slot_bytes);

// Start must come first; nothing is done before.
Result<ipc::Start> receive_start(ipc::SeqPacketSocket& socket, const StopSignal& stop) {
  std::array<pollfd, 2> fds{{{socket.fd(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
  while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  if (fds[1].revents) return Error{ErrorCode::unavailable, "stopped before the start"};
  auto received = socket.receive();
  if (!received) return received.error();
  if (auto* start = std::get_if<ipc::Start>(&received->message)) return std::move(*start);
  return Error{ErrorCode::protocol, "the server's first message is no Start"};
}

Result<CameraRequest> request_of(ipc::Start start) {
  auto source = parse_source_uri(start.source);
  if (!source) return source.error();
  return CameraRequest{.source = *std::move(source),
                       .wanted_size = start.wanted_size,
                       .wanted_fps_milli = start.wanted_fps_milli,
                       .capture_on_demand = start.capture_on_demand,
                       .first_sequence = start.first_sequence,
                       .controls = std::move(start.controls)};
}

// False when the driver hangs: then the threads can't be joined.
bool end_driver(DriverThread& driver, std::chrono::milliseconds patience) {
  driver.stop();
  pollfd finished{driver.finished_fd(), POLLIN, 0};
  return ::poll(&finished, 1, static_cast<int>(patience.count())) > 0;
}

int fail(WorkerLink& link, const Error& error) {
  link.send(ipc::Failed{error.code, error.message});
  return 1;
}

}  // namespace

int run_camera(const Driver& driver, UniqueFd socket_fd, const StopSignal& stop, const EncoderFactory& make_encoder,
               const Clock& clock, Log& log, WorkerTimes times) {
  ipc::SeqPacketSocket socket(std::move(socket_fd));
  auto start = receive_start(socket, stop);
  if (!start) {
    log.error("", "{}", start.error().message);
    return 1;
  }
  auto pool = ipc::PacketPool::create(slot_count, slot_bytes);
  if (!pool) {
    log.error("", "{}", pool.error().message);
    return 1;
  }
  const ipc::Hello hello{ipc::protocol_version, driver.name, slot_count, slot_bytes};
  if (!socket.send(hello, pool->fd())) return 0;

  WorkerLink link(socket, *pool, clock, log);
  auto request = request_of(*std::move(start));
  if (!request) return fail(link, request.error());
  RenditionSet renditions(link, make_encoder);
  StillTaker stills(link, make_encoder);
  auto frames = FrameDistributor::create(link, renditions, stills, request->first_sequence);
  if (!frames) return fail(link, frames.error());
  auto camera = DriverThread::start(driver.make(clock, log), *std::move(request), **frames, link);
  if (!camera) return fail(link, camera.error());

  const auto end = ControlLoop(socket, link, renditions, stills, **frames, **camera, times.status_interval).run(stop);
  if (!end_driver(**camera, times.patience)) {
    log.error("", "the driver doesn't end: giving up on it");
    std::_Exit(1);
  }
  // Also where the server closed the socket as soon as it had read Failed.
  return end == ControlLoop::End::stopped && !(*camera)->failed() ? 0 : 1;
}

}  // namespace camweave
