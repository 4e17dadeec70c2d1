#include "control/supervisor/ingest.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <array>
#include <cstring>

namespace camweave {
namespace {

constexpr uint64_t wake_key = 0;
constexpr size_t most_pool_bytes = size_t{1} << 30;

Error rule_broken(std::string message) { return {ErrorCode::protocol, std::move(message)}; }

// A JPEG's first and last two bytes, copied by us: what is checked is what is stored, whatever the worker writes
// meanwhile.
struct JpegMarkers {
  static constexpr size_t bytes = 2;
  static constexpr size_t smallest_jpeg_bytes = 2 * bytes;

  explicit JpegMarkers(std::span<const std::byte> jpeg) {
    if (jpeg.size() < smallest_jpeg_bytes) return;  // none, which are not right
    std::memcpy(first.data(), jpeg.data(), bytes);
    std::memcpy(last.data(), jpeg.last(bytes).data(), bytes);
  }
  bool are_right() const {
    return first == std::array<unsigned char, bytes>{0xff, 0xd8} &&
           last == std::array<unsigned char, bytes>{0xff, 0xd9};
  }

  std::array<unsigned char, bytes> first{}, last{};
};

void wake_up(int event_fd) {
  const uint64_t one = 1;
  (void)!::write(event_fd, &one, sizeof one);
}

}  // namespace

Result<std::unique_ptr<Ingest>> Ingest::start(const Clock& clock, Log& log, std::shared_ptr<PacketMemory> memory,
                                              IngestListener& listener) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("epoll_create1");
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return system_error("eventfd");
  epoll_event event{EPOLLIN, {.u64 = wake_key}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) return system_error("epoll_ctl");
  std::unique_ptr<Ingest> ingest(
      new Ingest(clock, log, std::move(memory), listener, std::move(epoll), std::move(wake)));
  ingest->thread_ = std::thread([i = ingest.get()] { i->run(); });
  return ingest;
}

Ingest::Ingest(const Clock& clock, Log& log, std::shared_ptr<PacketMemory> memory, IngestListener& listener,
               UniqueFd epoll, UniqueFd wake)
    : clock_(clock),
      log_(log),
      memory_(std::move(memory)),
      listener_(listener),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)) {}

Ingest::~Ingest() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_up(wake_.get());
  if (thread_.joinable()) thread_.join();
}

void Ingest::add(std::shared_ptr<WorkerRun> run) {
  {
    MutexLock lock(mutex_);
    added_.push_back(std::move(run));
  }
  wake_up(wake_.get());
}

void Ingest::ping(std::function<void()> answer) {
  {
    MutexLock lock(mutex_);
    pings_.push_back(std::move(answer));
  }
  wake_up(wake_.get());
}

void Ingest::run() {
  ::pthread_setname_np(::pthread_self(), "ingest");
  std::array<epoll_event, 32> events;
  while (true) {
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) on_ready(events[static_cast<size_t>(i)].data.u64);
    MutexLock lock(mutex_);
    if (stopping_) return;
  }
}

void Ingest::run_commands() {
  uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  std::vector<std::shared_ptr<WorkerRun>> added;
  std::vector<std::function<void()>> pings;
  {
    MutexLock lock(mutex_);
    added.swap(added_);
    pings.swap(pings_);
  }
  for (const auto& run : added) {
    watch(run, Source::socket, run->socket_.fd());
    watch(run, Source::errors, run->process_.error_pipe.get());
    watch(run, Source::process, run->process_.pid_fd.get());
  }
  for (const auto& answer : pings) answer();
}

void Ingest::watch(const std::shared_ptr<WorkerRun>& run, Source source, int fd) {
  const uint64_t key = next_key_++;
  epoll_event event{EPOLLIN, {.u64 = key}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    broken(run, system_error("epoll_ctl"));
    return;
  }
  watched_[key] = {run, source};
  keys_[{run.get(), source}] = key;
}

void Ingest::unwatch(WorkerRun& run, Source source) {
  const auto found = keys_.find({&run, source});
  if (found == keys_.end()) return;
  const int fd = source == Source::socket   ? run.socket_.fd()
                 : source == Source::errors ? run.process_.error_pipe.get()
                                            : run.process_.pid_fd.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watched_.erase(found->second);
  keys_.erase(found);
}

void Ingest::on_ready(uint64_t key) {
  if (key == wake_key) {
    run_commands();
    return;
  }
  const auto found = watched_.find(key);
  if (found == watched_.end()) return;  // ended by an event before it in the same turn
  const Watched watched = found->second;
  switch (watched.source) {
    case Source::socket:
      read_socket(watched.run, Drain::some);
      break;
    case Source::errors:
      read_errors(*watched.run, Drain::some);
      break;
    case Source::process:
      reap(watched.run);
      break;
  }
}

void Ingest::broken(const std::shared_ptr<WorkerRun>& run, Error error) {
  if (run->is_broken_) return;
  run->is_broken_ = true;
  unwatch(*run, Source::socket);
  listener_.on_broken(run, std::move(error));
}

// One message a turn: mostly there is just one, so that looking for a second would be a call for nothing; and the other
// workers have their turn in between.
void Ingest::read_socket(const std::shared_ptr<WorkerRun>& run, Drain drain) {
  for (bool again = true; again && !run->is_broken_; again = drain == Drain::all) {
    auto received = run->socket_.receive(ipc::SeqPacketSocket::Wait::dont_wait);
    if (!received && received.error().code == ErrorCode::timeout) return;
    if (!received) {
      broken(run, received.error());
      return;
    }
    if (auto taken = take(run, *std::move(received)); !taken) broken(run, taken.error());
    // One that has gone by now is no news: its end comes by itself.
    if (auto sent = run->send_waiting(); !sent && sent.error().code != ErrorCode::unavailable)
      broken(run, sent.error());
  }
}

void Ingest::read_errors(WorkerRun& run, Drain drain) {
  std::array<char, 4096> block;
  constexpr int most_blocks_after_death = 64;
  for (int i = 0; i < (drain == Drain::all ? most_blocks_after_death : 1); ++i) {
    const ssize_t n = ::read(run.process_.error_pipe.get(), block.data(), block.size());
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) unwatch(run, Source::errors);
    if (n <= 0) return;
    run.log_.add({block.data(), static_cast<size_t>(n)});
  }
}

void Ingest::reap(const std::shared_ptr<WorkerRun>& run) {
  // Its last words first.
  read_socket(run, Drain::all);
  read_errors(*run, Drain::all);
  run->log_.end();
  // What it started, if it is in the group still: the group's number is ours until the leader is reaped.
  run->process_.signal(SIGKILL);
  int wait_status = 0;
  while (::waitpid(run->process_.pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  for (const Source source : {Source::socket, Source::errors, Source::process}) unwatch(*run, source);
  listener_.on_exit(run, wait_status);
}

Result<void> Ingest::take(const std::shared_ptr<WorkerRun>& run, ipc::SeqPacketSocket::Received received) {
  if (const auto* frame = std::get_if<ipc::Frame>(&received.message)) return take_frame(run, *frame);
  if (const auto* hello = std::get_if<ipc::Hello>(&received.message)) {
    if (auto taken = take_hello(*run, *hello, std::move(received.passed_fd)); !taken) return taken;
  } else if (!run->pool_ && !std::holds_alternative<ipc::Failed>(received.message)) {
    return rule_broken("a message before Hello");
  }
  const bool is_ours = std::visit(
      []<typename M>(const M&) {
        return std::is_same_v<M, ipc::Start> || std::is_same_v<M, ipc::Renditions> ||
               std::is_same_v<M, ipc::KeyframeRequest> || std::is_same_v<M, ipc::SetControls> ||
               std::is_same_v<M, ipc::ResetControls> || std::is_same_v<M, ipc::StillRequest> ||
               std::is_same_v<M, ipc::ReleaseSlot> || std::is_same_v<M, ipc::Stop>;
      },
      received.message);
  if (is_ours) return rule_broken("a message that only the server may send");
  if (!run->may_send_rare_message(clock_.now())) return rule_broken("more messages than anybody needs");
  listener_.on_message(run, std::move(received.message));
  return {};
}

Result<void> Ingest::take_hello(WorkerRun& run, const ipc::Hello& hello, UniqueFd memory) {
  if (run.pool_) return rule_broken("a second Hello");
  if (hello.version != ipc::protocol_version) {
    return rule_broken(fmt::format("speaks version {} of the protocol, this server {}: install both from one build",
                                   hello.version, ipc::protocol_version));
  }
  if (!memory) return rule_broken("Hello without its memory");
  if (hello.slot_bytes * hello.slot_count > most_pool_bytes) return rule_broken("Hello: over 1 GiB of slots");
  auto pool = ipc::MappedPool::map(std::move(memory), hello.slot_count, hello.slot_bytes);
  if (!pool) return pool.error();
  run.pool_ = *std::move(pool);
  return {};
}

// Fills run.targets_.
Result<void> Ingest::find_targets(WorkerRun& run, const ipc::Frame& frame) {
  run.targets_.clear();
  if (frame.request_id) return {};
  MutexLock lock(run.mutex_);
  if (frame.rendition_id == 0 || frame.rendition_id > run.last_id_) {
    return rule_broken(fmt::format("Frame: nobody asked for rendition {}", frame.rendition_id));
  }
  if (const auto found = run.routes_.find(frame.rendition_id); found != run.routes_.end()) run.targets_ = found->second;
  return {};
}

Result<PacketBuffer> Ingest::store(std::span<const std::byte> bytes, Codec codec) {
  const auto piece = [](const auto& part) {
    return iovec{const_cast<void*>(static_cast<const void*>(part.data())), part.size()};
  };
  if (codec != Codec::jpeg) return memory_->store(std::array{piece(bytes)});
  const JpegMarkers markers(bytes);
  if (!markers.are_right()) return Error{ErrorCode::io, "a frame that is no whole JPEG was left out"};
  const auto middle = bytes.subspan(JpegMarkers::bytes, bytes.size() - JpegMarkers::smallest_jpeg_bytes);
  return memory_->store(std::array{piece(markers.first), piece(middle), piece(markers.last)}, room_for_frame_ends);
}

Result<PacketPtr> Ingest::copy(const ipc::Frame& frame, std::span<const std::byte> bytes) {
  auto body = store(bytes, frame.codec);
  if (!body) return body.error();
  auto packet = std::make_shared<Packet>();
  packet->info = {.codec = frame.codec,
                  .size = frame.size,
                  .keyframe = frame.keyframe,
                  .sequence = frame.sequence,
                  .capture_time = from_nanoseconds(frame.capture_ns),
                  .capture_wall = UnixMicroseconds(frame.capture_wall_us),
                  .metadata = frame.metadata};
  packet->body = *std::move(body);
  return PacketPtr(std::move(packet));
}

Result<void> Ingest::take_frame(const std::shared_ptr<WorkerRun>& run, const ipc::Frame& frame) {
  if (!run->pool_) return rule_broken("a frame before Hello");
  auto bytes = run->pool_->packet(frame.slot, frame.size_bytes);
  if (!bytes) return bytes.error();
  if (auto found = find_targets(*run, frame); !found) return found;
  Result<PacketPtr> packet = PacketPtr();
  if (frame.request_id || !run->targets_.empty()) packet = copy(frame, *bytes);
  if (run->note_frame(frame, clock_.now())) listener_.on_first_frame(run);
  if (!packet) {
    run->dropped_.fetch_add(1, std::memory_order_relaxed);
    log_.limited(LogLevel::warning, "camera " + run->camera_id(), packet.error().message);
  }
  if (frame.request_id) {
    listener_.on_still(run, frame.request_id, std::move(packet));
  } else if (packet && *packet) {
    for (const auto& target : run->targets_) {
      if (const auto stream = target.lock()) stream->publish(*packet);
    }
  }
  return run->release(frame.slot);  // viewers first: this wakes the worker
}

}  // namespace camweave
