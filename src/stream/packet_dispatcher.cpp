#include "stream/packet_dispatcher.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

namespace camweave {

void WakeUp::wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_fd_.get(), &one, sizeof one);
}

Result<std::unique_ptr<PacketDispatcher>> PacketDispatcher::create() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return system_error("packet dispatcher: eventfd");
  return std::unique_ptr<PacketDispatcher>(new PacketDispatcher(std::make_shared<const WakeUp>(std::move(fd))));
}

PacketDispatcher::~PacketDispatcher() {
  for (auto& [stream, readers] : streams_) stream->detach(*this);
}

// One wake-up for any number of streams until the loop has run: when the list was empty.
std::shared_ptr<const WakeUp> PacketDispatcher::add_pending(Stream& stream) {
  MutexLock lock(mutex_);
  if (std::ranges::find(pending_, &stream) != pending_.end()) return nullptr;
  const bool is_first = pending_.empty() && !is_running_;
  pending_.push_back(&stream);
  return is_first ? wake_up_ : nullptr;
}

void PacketDispatcher::notify(Stream& stream) {
  if (const auto asleep = add_pending(stream)) asleep->wake();
}

// What comes meanwhile, above all from readers that make a stream of another (RTP), has its turn without a second
// wake-up; but then the loop's other work is due.
void PacketDispatcher::run_pending() {
  constexpr int most_turns = 3;
  uint64_t count;
  [[maybe_unused]] const ssize_t got = ::read(event_fd(), &count, sizeof count);
  for (int turn = 0; take_pending(turn < most_turns); ++turn) {
    for (Stream* stream : running_) {
      // A stream whose readers have left since, even one that is gone by now, is simply not found.
      const auto found = streams_.find(stream);
      if (found != streams_.end()) walk(*found->second);
    }
  }
}

// False: nothing is to be done now.
bool PacketDispatcher::take_pending(bool may_go_on) {
  running_.clear();
  MutexLock lock(mutex_);
  is_running_ = may_go_on && !pending_.empty();
  if (is_running_) {
    running_.swap(pending_);
  } else if (!pending_.empty()) {
    wake_up_->wake();
  }
  return is_running_;
}

void PacketDispatcher::walk(Readers& readers) {
  readers.being_walked = true;
  const size_t count = readers.readers.size();  // those that subscribe meanwhile wait for the next packet
  for (size_t i = 0; i < count; ++i) {
    if (PacketReader* reader = readers.readers[i]) reader->on_packet();
  }
  readers.being_walked = false;
  std::erase(readers.readers, nullptr);
  if (readers.readers.empty()) drop_stream(readers.stream.get());
}

void PacketDispatcher::drop_stream(Stream* stream) {
  stream->detach(*this);
  streams_.erase(stream);
}

PacketDispatcher::Subscription PacketDispatcher::subscribe(const std::shared_ptr<Stream>& stream, PacketReader& reader) {
  auto [place, is_new] = streams_.try_emplace(stream.get());
  if (is_new) {
    place->second = std::make_unique<Readers>();
    place->second->stream = stream;
  }
  place->second->readers.push_back(&reader);
  if (is_new) stream->attach(*this);
  return Subscription(this, stream.get(), &reader);
}

void PacketDispatcher::remove(Stream* stream, PacketReader* reader) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  Readers& readers = *found->second;
  const auto place = std::ranges::find(readers.readers, reader);
  if (place == readers.readers.end()) return;
  if (readers.being_walked) {
    *place = nullptr;
    return;
  }
  *place = readers.readers.back();
  readers.readers.pop_back();
  if (readers.readers.empty()) drop_stream(stream);
}

PacketDispatcher::Subscription::Subscription(Subscription&& other) noexcept
    : dispatcher_(std::exchange(other.dispatcher_, nullptr)), stream_(other.stream_), reader_(other.reader_) {}

PacketDispatcher::Subscription& PacketDispatcher::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    reset();
    dispatcher_ = std::exchange(other.dispatcher_, nullptr);
    stream_ = other.stream_;
    reader_ = other.reader_;
  }
  return *this;
}

void PacketDispatcher::Subscription::reset() {
  if (PacketDispatcher* dispatcher = std::exchange(dispatcher_, nullptr)) dispatcher->remove(stream_, reader_);
}

}  // namespace camweave
