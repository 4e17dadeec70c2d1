#include "stream/stream.h"

#include <algorithm>
#include <array>

#include "stream/packet_dispatcher.h"

namespace camweave {

Stream::Stream(Options options) : options_(std::move(options)) {}

Stream::~Stream() {
  if (options_.on_unused) options_.on_unused();
}

// Readers are woken without the lock, which is the first thing that they want; what has gone out of the ring gives its
// pages back after that.
void Stream::publish(PacketPtr packet) {
  std::vector<PacketPtr> dropped;
  std::vector<std::shared_ptr<const WakeUp>> asleep;
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    ring_bytes_ += packet->body.size();
    ring_.push_back(Kept{next_number_++, std::move(packet)});
    trim(dropped);
    asleep = mark_in_loops();
  }
  for (const auto& sleeper : asleep) sleeper->wake();
}

std::vector<std::shared_ptr<const WakeUp>> Stream::mark_in_loops() {
  std::vector<std::shared_ptr<const WakeUp>> asleep;
  for (PacketDispatcher* dispatcher : dispatchers_) {
    if (auto sleeper = dispatcher->add_pending(*this)) asleep.push_back(std::move(sleeper));
  }
  return asleep;
}

// Intra-only: the newest is all that anybody wants. Inter: the GOP before the last one stays, too, so that a reader who
// is a few packets behind when a keyframe comes loses nothing.
void Stream::trim(std::vector<PacketPtr>& dropped) {
  const auto drop_front = [&]() REQUIRES(mutex_) {
    ring_bytes_ -= ring_.front().packet->body.size();
    dropped.push_back(std::move(ring_.front().packet));
    ring_.pop_front();
  };
  if (is_intra_only()) {
    while (ring_.size() > 1) drop_front();
    return;
  }
  if (ring_.back().packet->info.keyframe) {
    size_t keyframes = 0;
    for (auto kept = ring_.rbegin(); kept != ring_.rend(); ++kept) {
      if (kept->packet->info.keyframe && ++keyframes == 2) {
        while (ring_.front().number < kept->number) drop_front();
        break;
      }
    }
  }
  while (ring_bytes_ > options_.max_bytes && ring_.size() > 1) drop_front();
}

void Stream::close(std::string reason) {
  std::deque<Kept> dropped;
  std::vector<std::shared_ptr<const WakeUp>> asleep;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    close_reason_ = std::move(reason);
    dropped.swap(ring_);
    ring_bytes_ = 0;
    asleep = mark_in_loops();
  }
  for (const auto& sleeper : asleep) sleeper->wake();
}

std::optional<std::string> Stream::close_reason() const {
  MutexLock lock(mutex_);
  return closed_ ? std::optional(close_reason_) : std::nullopt;
}

void Stream::request_keyframe() {
  if (options_.request_keyframe) options_.request_keyframe();
}

PacketPtr Stream::newest() const {
  MutexLock lock(mutex_);
  return ring_.empty() ? nullptr : ring_.back().packet;
}

namespace {

WireImage make_image(const PacketPtr& packet, const Framing& framing, PacketMemory& memory) {
  const FrameEnds ends = framing.ends(*packet);
  const PacketBuffer& body = packet->body;
  if (body.write_ends(ends.head, ends.tail)) {
    return {std::shared_ptr<const PacketBuffer>(packet, &body), body.offset() - static_cast<off_t>(ends.head.size()),
            ends.head.size() + body.size() + ends.tail.size()};
  }
  // Another protocol's ends stand around the packet already.
  const auto bytes = body.bytes();
  const std::array<iovec, 3> pieces{iovec{const_cast<char*>(ends.head.data()), ends.head.size()},
                                    iovec{const_cast<std::byte*>(bytes.data()), bytes.size()},
                                    iovec{const_cast<char*>(ends.tail.data()), ends.tail.size()}};
  auto copy = memory.store(pieces);
  if (!copy) return {};
  return std::make_shared<const PacketBuffer>(*std::move(copy));
}

}  // namespace

WireImage Stream::framed(const PacketPtr& packet, const Framing& framing) {
  constexpr size_t most_images = 64;  // of an inter codec's readers, who need not be at the same packet
  std::vector<Image> outdated;        // gives its pages back after the lock
  MutexLock lock(image_mutex_);
  for (auto image = images_.rbegin(); image != images_.rend(); ++image) {
    if (image->packet == packet && image->framing == &framing) return image->bytes;
  }
  WireImage made = make_image(packet, framing, *options_.memory);
  if (!made) return made;
  if (is_intra_only() && !images_.empty() && images_.back().packet != packet) outdated.swap(images_);
  if (images_.size() >= most_images) images_.erase(images_.begin());
  images_.push_back(Image{&framing, packet, made});
  return made;
}

void Stream::attach(PacketDispatcher& dispatcher) {
  MutexLock lock(mutex_);
  dispatchers_.push_back(&dispatcher);
  if (closed_) dispatcher.notify(*this);
}

void Stream::detach(PacketDispatcher& dispatcher) {
  MutexLock lock(mutex_);
  std::erase(dispatchers_, &dispatcher);
}

PacketCursor::PacketCursor(std::shared_ptr<Stream> stream, Begin begin) : stream_(std::move(stream)) {
  Stream& its_stream = *stream_;
  if (its_stream.is_intra_only()) return;
  MutexLock lock(its_stream.mutex_);
  seen_ = its_stream.next_number_ - 1;
  needs_keyframe_ = true;
  if (begin == Begin::newest) return;
  const auto key = std::find_if(its_stream.ring_.rbegin(), its_stream.ring_.rend(),
                                [](const auto& kept) { return kept.packet->info.keyframe; });
  if (key != its_stream.ring_.rend()) seen_ = key->number - 1;
}

PacketCursor::Next PacketCursor::next() {
  Stream& stream = *stream_;
  MutexLock lock(stream.mutex_);
  if (stream.closed_) return {nullptr, 0, true};
  return stream.is_intra_only() ? next_newest(stream.ring_) : next_in_order(stream.ring_);
}

PacketCursor::Next PacketCursor::next_newest(const std::deque<Stream::Kept>& ring) {
  if (ring.empty() || ring.back().number <= seen_) return {};
  const uint64_t passed_over = seen_ == 0 ? 0 : ring.back().number - seen_ - 1;
  seen_ = ring.back().number;
  return {ring.back().packet, passed_over, false};
}

PacketCursor::Next PacketCursor::next_in_order(const std::deque<Stream::Kept>& ring) {
  Next next;
  if (ring.empty()) return next;
  if (ring.front().number > seen_ + 1) {
    next.dropped += ring.front().number - seen_ - 1;
    seen_ = ring.front().number - 1;
    needs_keyframe_ = true;
  }
  for (size_t i = static_cast<size_t>(seen_ + 1 - ring.front().number); i < ring.size(); ++i) {
    seen_ = ring[i].number;
    if (!needs_keyframe_ || ring[i].packet->info.keyframe) {
      needs_keyframe_ = false;
      next.packet = ring[i].packet;
      return next;
    }
    ++next.dropped;
  }
  return next;
}

void PacketCursor::skip_to_keyframe() { needs_keyframe_ = !stream_->is_intra_only(); }

}  // namespace camweave
