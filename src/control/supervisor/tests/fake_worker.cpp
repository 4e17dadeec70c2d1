// A worker for the supervisor's tests: what it does wrong is its source's name ("pattern:bad-slot"); "pattern:good"
// does everything right.
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "base/clock.h"
#include "ipc/packet_pool.h"
#include "ipc/seq_packet_socket.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;
constexpr uint32_t slot_count = 4;
constexpr uint64_t slot_bytes = 64 * 1024;

class FakeWorker {
 public:
  FakeWorker() : socket_(UniqueFd(3)) {}
  int run();

 private:
  bool is(const char* behaviour) const { return behaviour_ == behaviour; }
  void say_hello();
  void open();
  void misbehave();
  void send_frames();
  void send_frame(uint32_t rendition_id, uint32_t request_id);
  void send_status();
  bool handle(const ipc::Message& message);
  std::vector<Control> controls() const;

  ipc::SeqPacketSocket socket_;
  std::string behaviour_;
  ipc::Start start_;
  std::optional<ipc::PacketPool> pool_;
  std::vector<ipc::WantedRendition> wanted_;
  ControlValues values_{{"gain", 1.0}, {"auto_gain", false}};
  uint64_t captured_ = 0;
  int64_t last_frame_ns_ = 0;
};

void FakeWorker::say_hello() {
  const ipc::Hello hello{.driver = "fake", .slot_count = slot_count, .slot_bytes = slot_bytes};
  if (is("no-memory")) {
    (void)socket_.send(hello);
    return;
  }
  if (is("no-seal")) {
    const UniqueFd memory(::memfd_create("unsealed", MFD_ALLOW_SEALING));
    (void)!::ftruncate(memory.get(), slot_count * slot_bytes);
    (void)socket_.send(hello, memory.get());
    return;
  }
  auto pool = ipc::PacketPool::create(slot_count, slot_bytes);
  if (!pool) std::abort();
  pool_.emplace(*std::move(pool));
  (void)socket_.send(hello, pool_->fd());
  if (is("two-hellos")) (void)socket_.send(hello, pool_->fd());
}

std::vector<Control> FakeWorker::controls() const {
  Control gain;
  gain.name = "gain";
  gain.type = ControlType::real;
  gain.min = 1;
  gain.max = 16;
  gain.step = 0.5;
  gain.default_value = 1.0;
  gain.value = values_.at("gain");
  Control automatic;
  automatic.name = "auto_gain";
  automatic.type = ControlType::boolean;
  automatic.default_value = false;
  automatic.value = values_.at("auto_gain");
  return {gain, automatic};
}

void FakeWorker::open() {
  for (const auto& [name, value] : start_.controls) values_[name] = value;
  ipc::Opened opened;
  opened.model = "Fake";
  opened.serial = opened.identity = is("good") ? "serial-1" : "";
  opened.mode = {PixelFormat::yuyv, {640, 480}, 50'000};
  opened.controls = controls();
  (void)socket_.send(opened);
}

void FakeWorker::misbehave() {
  ipc::Frame frame;
  frame.size_bytes = 100;
  frame.rendition_id = 1;
  frame.size = {640, 480};
  frame.sequence = 1;
  if (is("bad-slot")) frame.slot = slot_count;
  if (is("too-big")) frame.size_bytes = slot_bytes + 1;
  if (is("unasked-rendition")) frame.rendition_id = 999;
  if (is("bad-slot") || is("too-big") || is("unasked-rendition")) (void)socket_.send(frame);
  if (is("server-message")) (void)socket_.send(ipc::Stop{});
  if (is("garbage")) (void)!::write(socket_.fd(), "garbage garbage garbage garbage", 31);
  if (is("closes-socket")) {
    ::close(socket_.fd());
    while (true) ::pause();
  }
  while (is("flood") && socket_.send(ipc::ControlsChanged{controls()})) {
  }
  while (is("deaf")) {
    if (!wanted_.empty()) send_frame(wanted_.front().id, 0);
    std::this_thread::sleep_for(100us);
  }
}

void FakeWorker::send_frame(uint32_t rendition_id, uint32_t request_id) {
  const auto slot = is("deaf") ? std::optional<uint32_t>(0) : pool_->take();
  if (!slot) return;
  const auto bytes = pool_->bytes(*slot);
  std::memset(bytes.data(), 0x55, 1000);
  const unsigned char soi[] = {0xff, 0xd8}, eoi[] = {0xff, 0xd9};
  if (!is("no-jpeg")) std::memcpy(bytes.data(), soi, 2);
  if (!is("half-jpeg")) std::memcpy(bytes.data() + 998, eoi, 2);
  ipc::Frame frame;
  frame.slot = *slot;
  frame.size_bytes = is("tiny-jpeg") ? 3 : 1000;
  frame.rendition_id = rendition_id;
  frame.request_id = request_id;
  frame.size = {640, 480};
  frame.sequence = start_.first_sequence + captured_;
  frame.capture_ns = to_nanoseconds(SystemClock().now());
  frame.capture_wall_us = SystemClock().wall_now().count();
  (void)socket_.send(frame);
}

void FakeWorker::send_frames() {
  if (is("stalls") && captured_ >= 10) return;
  if (is("crashes") && captured_ >= 5) std::abort();
  for (const auto& wanted : wanted_) send_frame(wanted.id, 0);
  ++captured_;
  last_frame_ns_ = to_nanoseconds(SystemClock().now());
}

void FakeWorker::send_status() {
  (void)socket_.send(ipc::Status{captured_, 0, last_frame_ns_, is("away"), is("away") ? "unplugged" : ""});
}

bool FakeWorker::handle(const ipc::Message& message) {
  if (const auto* renditions = std::get_if<ipc::Renditions>(&message)) {
    if (is("naps") && wanted_.empty() && !renditions->wanted.empty()) std::this_thread::sleep_for(500ms);
    wanted_ = renditions->wanted;
    std::fprintf(stderr, "info renditions %zu\n", wanted_.size());
  } else if (const auto* set = std::get_if<ipc::SetControls>(&message)) {
    ipc::Reply reply{.request_id = set->request_id};
    for (const auto& [name, value] : set->values) reply.outcome.applied[name] = values_[name] = value;
    // Takes whole gains only.
    if (const auto* gain = std::get_if<double>(&values_["gain"])) {
      reply.outcome.applied["gain"] = values_["gain"] = static_cast<double>(static_cast<int>(*gain));
    }
    if (is("mute")) return true;
    (void)socket_.send(ipc::ControlsChanged{controls()});
    (void)socket_.send(reply);
  } else if (const auto* reset = std::get_if<ipc::ResetControls>(&message)) {
    values_ = {{"gain", 1.0}, {"auto_gain", false}};
    (void)socket_.send(ipc::ControlsChanged{controls()});
    (void)socket_.send(ipc::Reply{.request_id = reset->request_id});
  } else if (const auto* still = std::get_if<ipc::StillRequest>(&message)) {
    send_frame(0, still->request_id);
  } else if (std::holds_alternative<ipc::KeyframeRequest>(message)) {
    std::fprintf(stderr, "info keyframe\n");
  } else if (const auto* release = std::get_if<ipc::ReleaseSlot>(&message)) {
    pool_->give_back(release->slot);
  } else if (std::holds_alternative<ipc::Stop>(message)) {
    return is("ignores-stop");
  }
  return true;
}

int FakeWorker::run() {
  auto first = socket_.receive();
  if (!first || !std::holds_alternative<ipc::Start>(first->message)) return 1;
  start_ = std::get<ipc::Start>(first->message);
  behaviour_ = start_.source.substr(start_.source.find(':') + 1);
  if (is("silent")) return ::pause();
  if (is("failed")) {
    (void)socket_.send(ipc::Failed{ErrorCode::not_found, "no such device: plug it in"});
    return 1;
  }
  if (is("ignores-stop")) ::signal(SIGTERM, SIG_IGN);
  say_hello();
  open();
  if (!is("deaf")) misbehave();
  Timestamp next_frame = SystemClock().now(), next_status = next_frame;
  while (true) {
    pollfd poll_fd{socket_.fd(), POLLIN, 0};
    ::poll(&poll_fd, 1, 5);
    if (poll_fd.revents) {
      auto received = socket_.receive(ipc::SeqPacketSocket::Wait::dont_wait);
      if (received && !handle(received->message)) return 0;
      if (!received && received.error().code == ErrorCode::unavailable) return 0;
    }
    const Timestamp now = SystemClock().now();
    if (now >= next_frame) {
      if (is("deaf") && !wanted_.empty()) misbehave();
      send_frames();
      next_frame = now + 20ms;
    }
    if (now >= next_status) {
      send_status();
      next_status = now + 200ms;
    }
  }
}

}  // namespace
}  // namespace camweave

int main() { return camweave::FakeWorker().run(); }
