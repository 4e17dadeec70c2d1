#include "net/io_loop.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <optional>
#include <thread>
#include <unordered_map>

#include "net/frame_pipe.h"

namespace camweave {

namespace asio = boost::asio;

struct IoLoop::State {
  State(const Clock& its_clock, std::unique_ptr<PacketDispatcher> its_dispatcher)
      : clock(its_clock), dispatcher(std::move(its_dispatcher)), context(std::in_place, 1) {}

  // What sessions use in their destructors stands before the context that owns them.
  const Clock& clock;
  const std::unique_ptr<PacketDispatcher> dispatcher;
  NetCounters counters;
  std::unique_ptr<ReadinessSet> readiness;
  FramePipe frame_pipe;
  std::list<Swept*> swept;
  std::list<Swept*>::iterator next_swept = swept.end();  // of a sweep under way
  bool sweep_is_scheduled = false;
  uint64_t closed_when_given_back = 0;
  Timestamp given_back{};
  std::unordered_map<const void*, std::shared_ptr<void>> kept;
  std::vector<std::byte> scratch = std::vector<std::byte>(64 * 1024);
  std::atomic<std::thread::id> thread{};
  std::atomic<bool> is_ending = false;

  std::optional<asio::io_context> context;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::optional<asio::posix::stream_descriptor> packets;
  std::optional<asio::posix::stream_descriptor> sockets;
  std::optional<asio::steady_timer> timer;
};

Swept::Swept(IoLoop& loop) : swept_by_(loop) {
  auto& state = *loop.state_;
  place_ = state.swept.insert(state.swept.end(), this);
  if (!state.sweep_is_scheduled) loop.schedule_sweep();
}

Swept::~Swept() {
  auto& state = *swept_by_.state_;
  if (state.next_swept == place_) ++state.next_swept;
  state.swept.erase(place_);
}

Result<std::unique_ptr<IoLoop>> IoLoop::create(const Clock& clock) {
  auto dispatcher = PacketDispatcher::create();
  if (!dispatcher) return dispatcher.error();
  UniqueFd events(::fcntl((*dispatcher)->event_fd(), F_DUPFD_CLOEXEC, 3));
  if (!events) return system_error("I/O loop: dup");
  auto state = std::make_unique<State>(clock, std::move(*dispatcher));
  state->work.emplace(state->context->get_executor());
  state->packets.emplace(*state->context, events.release());
  state->timer.emplace(*state->context);
  std::unique_ptr<IoLoop> loop(new IoLoop(std::move(state)));
  auto readiness = ReadinessSet::create([raw = loop.get()](std::function<void()> task) { raw->post(std::move(task)); });
  if (!readiness) return readiness.error();
  UniqueFd sockets(::fcntl((*readiness)->fd(), F_DUPFD_CLOEXEC, 3));
  if (!sockets) return system_error("I/O loop: dup");
  loop->state_->readiness = std::move(*readiness);
  loop->state_->sockets.emplace(*loop->state_->context, sockets.release());
  loop->wait_for_packets();
  loop->wait_for_sockets();
  return loop;
}

IoLoop::IoLoop(std::unique_ptr<State> state) : state_(std::move(state)) {}

IoLoop::~IoLoop() { end(); }

// What is left of the loop after it still takes (and drops) what the sessions of other loops post to it.
void IoLoop::end() {
  if (!state_->context) return;
  state_->is_ending = true;
  state_->kept.clear();
  state_->readiness->drop_all();
  state_->timer.reset();
  state_->packets.reset();
  state_->sockets.reset();
  state_->work.reset();
  state_->context.reset();  // ends the sessions, which still reach the rest of the state
}

void IoLoop::run() {
  // sendfile has no MSG_NOSIGNAL: a peer that has gone would end the process.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  ::pthread_setname_np(::pthread_self(), "io");
  state_->thread = std::this_thread::get_id();
  state_->context->run();
  state_->thread = std::thread::id();
}

void IoLoop::stop() { state_->context->stop(); }

void IoLoop::post(std::function<void()> task) {
  if (!state_->is_ending) asio::post(*state_->context, std::move(task));
}

void IoLoop::keep(std::shared_ptr<void> waiting) {
  const void* const key = waiting.get();
  state_->kept.emplace(key, std::move(waiting));
}

void IoLoop::let_go(const void* waiting) {
  const auto node = state_->kept.extract(waiting);  // ends outside of the table's own functions
}

bool IoLoop::is_current_thread() const { return state_->thread == std::this_thread::get_id(); }
const Clock& IoLoop::clock() const { return state_->clock; }
boost::asio::io_context& IoLoop::context() { return *state_->context; }
PacketDispatcher& IoLoop::dispatcher() { return *state_->dispatcher; }
ReadinessSet& IoLoop::readiness() { return *state_->readiness; }
FramePipe& IoLoop::frame_pipe() { return state_->frame_pipe; }
NetCounters& IoLoop::counters() { return state_->counters; }
std::span<std::byte> IoLoop::scratch() { return state_->scratch; }

void IoLoop::wait_for_packets() {
  state_->packets->async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    state_->dispatcher->run_pending();
    wait_for_packets();
  });
}

void IoLoop::wait_for_sockets() {
  state_->sockets->async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    state_->readiness->dispatch();
    wait_for_sockets();
  });
}

void IoLoop::schedule_sweep() {
  state_->sweep_is_scheduled = true;
  state_->timer->expires_after(sweep_interval);
  state_->timer->async_wait([this](const boost::system::error_code& error) {
    if (!error) sweep();
  });
}

void IoLoop::sweep() {
  const Timestamp now = state_->clock.now();
  for (auto place = state_->swept.begin(); place != state_->swept.end(); place = state_->next_swept) {
    state_->next_swept = std::next(place);
    (*place)->on_sweep(now);
  }
  state_->next_swept = state_->swept.end();
  const bool keeps_frame = state_->frame_pipe.forget_unused();
  const bool owes_memory = give_memory_back(now);
  state_->sweep_is_scheduled = false;
  if (!state_->swept.empty() || owes_memory || keeps_frame) schedule_sweep();
}

// After a crowd has left, the allocator would keep what it needed for good. True while there is something to give back.
bool IoLoop::give_memory_back(Timestamp now) {
  constexpr uint64_t crowd = 500;
  constexpr std::chrono::seconds at_most_every{2};
  const uint64_t closed = state_->counters.read(NetCounter::connections_closed);
  if (closed - state_->closed_when_given_back < crowd) return false;
  if (now - state_->given_back < at_most_every) return true;
  state_->closed_when_given_back = closed;
  state_->given_back = now;
  ::malloc_trim(0);
  return false;
}

struct IoLoops::Threads {
  std::vector<std::thread> running;
};

// The CPUs that we may use, which in a container or under taskset are fewer than the machine has.
size_t IoLoops::default_count() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const bool known = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  const size_t cpus = known ? static_cast<size_t>(CPU_COUNT(&allowed)) : std::thread::hardware_concurrency();
  return std::clamp<size_t>(cpus, 1, 4);
}

IoLoops::IoLoops() : threads_(std::make_unique<Threads>()) {}

Result<std::unique_ptr<IoLoops>> IoLoops::start(const Clock& clock, size_t count) {
  std::unique_ptr<IoLoops> loops(new IoLoops());
  for (size_t i = 0; i < count; ++i) {
    auto loop = IoLoop::create(clock);
    if (!loop) return loop.error();
    loops->loops_.push_back(std::move(*loop));
  }
  for (auto& loop : loops->loops_) loops->threads_->running.emplace_back([&loop = *loop] { loop.run(); });
  return loops;
}

IoLoops::~IoLoops() {
  stop();
  for (auto& loop : loops_) loop->end();
}

void IoLoops::stop() {
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_->running) thread.join();
  threads_->running.clear();
}

uint64_t IoLoops::read(NetCounter counter) const {
  uint64_t sum = 0;
  for (const auto& loop : loops_) sum += loop->counters().read(counter);
  return sum;
}

}  // namespace camweave
