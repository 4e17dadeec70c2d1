#include "stream/stream.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "stream/packet_dispatcher.h"

namespace camweave {
namespace {

class StreamTest : public ::testing::Test {
 protected:
  std::shared_ptr<PacketMemory> memory_ = *PacketMemory::create(size_t{16} << 20);

  std::shared_ptr<Stream> make_stream(Codec codec, size_t max_bytes = size_t{1} << 20) {
    Stream::Options options{.camera_id = "front", .rendition = {}, .memory = memory_, .max_bytes = max_bytes};
    options.rendition.codec = codec;
    return std::make_shared<Stream>(std::move(options));
  }
  PacketPtr packet(uint64_t sequence, bool keyframe = true, size_t size = 100) {
    std::string bytes(size, static_cast<char>('a' + sequence % 26));
    const iovec piece{bytes.data(), bytes.size()};
    auto made = std::make_shared<Packet>();
    made->info.sequence = sequence;
    made->info.keyframe = keyframe;
    made->body = *memory_->store(std::span(&piece, 1), room_for_frame_ends);
    return made;
  }
  static std::vector<uint64_t> drain(PacketCursor& cursor, uint64_t* dropped = nullptr) {
    std::vector<uint64_t> seen;
    for (;;) {
      auto next = cursor.next();
      if (dropped) *dropped += next.dropped;
      if (!next.packet) return seen;
      seen.push_back(next.packet->info.sequence);
    }
  }
};

TEST_F(StreamTest, IntraOnlyReaderGetsTheNewestAndLearnsWhatItMissed) {
  auto stream = make_stream(Codec::jpeg);
  PacketCursor cursor(stream);
  EXPECT_EQ(cursor.next().packet, nullptr);
  for (uint64_t i = 1; i <= 5; ++i) stream->publish(packet(i));
  auto first = cursor.next();
  EXPECT_EQ(first.packet->info.sequence, 5u);
  EXPECT_EQ(first.dropped, 0u);  // what came before the first picture was never this reader's
  EXPECT_EQ(cursor.next().packet, nullptr);
  for (uint64_t i = 6; i <= 8; ++i) stream->publish(packet(i));
  auto second = cursor.next();
  EXPECT_EQ(second.packet->info.sequence, 8u);
  EXPECT_EQ(second.dropped, 2u);
}

TEST_F(StreamTest, IntraOnlyRingHoldsOneFrame) {
  auto stream = make_stream(Codec::jpeg);
  for (uint64_t i = 1; i <= 50; ++i) stream->publish(packet(i, true, 1000));
  EXPECT_EQ(memory_->live_bytes(), 1000u);
}

TEST_F(StreamTest, InterReaderFromNewestWaitsForAKeyframe) {
  auto stream = make_stream(Codec::h264);
  stream->publish(packet(1, true));
  stream->publish(packet(2, false));
  PacketCursor cursor(stream);
  stream->publish(packet(3, false));
  EXPECT_EQ(drain(cursor), std::vector<uint64_t>{});
  stream->publish(packet(4, true));
  stream->publish(packet(5, false));
  EXPECT_EQ(drain(cursor), (std::vector<uint64_t>{4, 5}));
}

TEST_F(StreamTest, InterReaderFromGopStartsAtTheKeptKeyframe) {
  auto stream = make_stream(Codec::h264);
  for (uint64_t i = 1; i <= 4; ++i) stream->publish(packet(i, i == 1 || i == 3));
  PacketCursor cursor(stream, PacketCursor::Begin::gop);
  EXPECT_EQ(drain(cursor), (std::vector<uint64_t>{3, 4}));
}

TEST_F(StreamTest, InterReaderAFewPacketsBehindLosesNothingAtAKeyframe) {
  auto stream = make_stream(Codec::h264);
  stream->publish(packet(1, true));
  PacketCursor cursor(stream, PacketCursor::Begin::gop);
  stream->publish(packet(2, false));
  stream->publish(packet(3, true));
  EXPECT_EQ(drain(cursor), (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(StreamTest, InterReaderThatTheRingLeftBehindResumesAtAKeyframeAndCounts) {
  auto stream = make_stream(Codec::h264);
  stream->publish(packet(1, true));
  PacketCursor cursor(stream, PacketCursor::Begin::gop);
  for (uint64_t i = 2; i <= 31; ++i) stream->publish(packet(i, i % 10 == 1));
  uint64_t dropped = 0;
  const auto seen = drain(cursor, &dropped);
  EXPECT_EQ(seen.front() % 10, 1u);
  EXPECT_EQ(seen.back(), 31u);
  EXPECT_EQ(dropped + seen.size(), 31u);
}

TEST_F(StreamTest, RingIsBoundedInBytesEvenWithoutKeyframes) {
  auto stream = make_stream(Codec::h264, 10'000);
  stream->publish(packet(1, true, 1000));
  for (uint64_t i = 2; i <= 100; ++i) stream->publish(packet(i, false, 1000));
  EXPECT_LE(memory_->live_bytes(), 10'000u);
}

FrameEnds with_header(const Packet&) { return {"head:", ":tail"}; }
constexpr Framing test_framing{"test", with_header};

FrameEnds with_other_header(const Packet&) { return {"other:", ""}; }
constexpr Framing other_framing{"other", with_other_header};

std::string text_of(const WireImage& image) {
  std::string text(image.size, '\0');
  EXPECT_EQ(::pread(image.memory->fd(), text.data(), text.size(), image.offset), static_cast<ssize_t>(text.size()));
  return text;
}

TEST_F(StreamTest, AProtocolsImageIsMadeOnceForAllItsReaders) {
  auto stream = make_stream(Codec::jpeg);
  stream->publish(packet(1, true, 3));
  const PacketPtr newest = stream->newest();
  const auto image = stream->framed(newest, test_framing);
  const auto again = stream->framed(newest, test_framing);
  EXPECT_EQ(image.memory, again.memory);
  EXPECT_EQ(image.offset, again.offset);
  EXPECT_EQ(text_of(image), "head:bbb:tail");
}

TEST_F(StreamTest, TheFirstProtocolWritesAroundThePacketAndTheNextOneHasACopy) {
  auto stream = make_stream(Codec::jpeg);
  stream->publish(packet(1, true, 3));
  const PacketPtr newest = stream->newest();
  const auto first = stream->framed(newest, test_framing);
  EXPECT_EQ(first.memory.get(), &newest->body);
  const auto second = stream->framed(newest, other_framing);
  EXPECT_NE(second.memory.get(), &newest->body);
  EXPECT_EQ(text_of(first), "head:bbb:tail");
  EXPECT_EQ(text_of(second), "other:bbb");
}

TEST_F(StreamTest, APacketWithoutRoomIsCopied) {
  auto stream = make_stream(Codec::h264);
  auto tight = std::make_shared<Packet>();
  std::string bytes = "abc";
  const iovec piece{bytes.data(), bytes.size()};
  tight->body = *memory_->store(std::span(&piece, 1));
  EXPECT_EQ(text_of(stream->framed(tight, test_framing)), "head:abc:tail");
}

struct CountingReader : PacketReader {
  explicit CountingReader(std::shared_ptr<Stream> stream) : cursor(std::move(stream)) {}
  void on_packet() override {
    ++calls;
    auto next = cursor.next();
    if (next.packet) last = next.packet->info.sequence;
    closed = closed || next.closed;
    if (then) then();
  }
  PacketCursor cursor;
  int calls = 0;
  uint64_t last = 0;
  bool closed = false;
  std::function<void()> then;
};

TEST_F(StreamTest, OneWakeUpServesAllReadersOfALoop) {
  auto dispatcher = *PacketDispatcher::create();
  auto stream = make_stream(Codec::jpeg);
  CountingReader a(stream), b(stream);
  auto subscription_a = dispatcher->subscribe(stream, a);
  auto subscription_b = dispatcher->subscribe(stream, b);
  for (uint64_t i = 1; i <= 3; ++i) stream->publish(packet(i));
  uint64_t wake_ups = 0;
  ASSERT_EQ(::read(dispatcher->event_fd(), &wake_ups, sizeof wake_ups), 8);
  EXPECT_EQ(wake_ups, 1u);
  dispatcher->run_pending();
  EXPECT_EQ(a.calls, 1);
  EXPECT_EQ(b.last, 3u);
}

bool is_readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, 0) == 1;
}

TEST_F(StreamTest, AStreamMadeOfAnotherNeedsNoWakeUpOfItsOwn) {
  auto dispatcher = *PacketDispatcher::create();
  auto media = make_stream(Codec::jpeg), made = make_stream(Codec::jpeg);
  CountingReader maker(media), reader(made);
  auto subscription_maker = dispatcher->subscribe(media, maker);
  auto subscription_reader = dispatcher->subscribe(made, reader);
  maker.then = [&] { made->publish(packet(maker.last + 100)); };
  for (uint64_t i = 1; i <= 2; ++i) {
    media->publish(packet(i));
    EXPECT_TRUE(is_readable(dispatcher->event_fd()));
    dispatcher->run_pending();
    EXPECT_EQ(reader.last, i + 100);
    EXPECT_FALSE(is_readable(dispatcher->event_fd()));
  }
}

TEST_F(StreamTest, PacketsWithoutEndLeaveTheLoopItsOtherWork) {
  auto dispatcher = *PacketDispatcher::create();
  auto stream = make_stream(Codec::jpeg);
  CountingReader reader(stream);
  auto subscription = dispatcher->subscribe(stream, reader);
  reader.then = [&] { stream->publish(packet(reader.last + 1)); };
  stream->publish(packet(1));
  for (int run = 0; run < 3; ++run) {
    const int calls_before = reader.calls;
    EXPECT_TRUE(is_readable(dispatcher->event_fd()));
    dispatcher->run_pending();
    EXPECT_GT(reader.calls, calls_before);
  }
  reader.then = nullptr;
  dispatcher->run_pending();
  EXPECT_FALSE(is_readable(dispatcher->event_fd()));
}

TEST_F(StreamTest, AReaderMayLeaveWhileBeingCalled) {
  auto dispatcher = *PacketDispatcher::create();
  auto stream = make_stream(Codec::jpeg);
  CountingReader a(stream), b(stream), c(stream);
  auto subscription_a = dispatcher->subscribe(stream, a);
  auto subscription_b = dispatcher->subscribe(stream, b);
  auto subscription_c = dispatcher->subscribe(stream, c);
  a.then = [&] {
    subscription_a.reset();
    subscription_b.reset();
  };
  stream->publish(packet(1));
  dispatcher->run_pending();
  stream->publish(packet(2));
  dispatcher->run_pending();
  EXPECT_EQ(a.calls, 1);
  EXPECT_EQ(b.calls, 0);
  EXPECT_EQ(c.last, 2u);
}

TEST_F(StreamTest, TheLeaseEndsWithTheLastReader) {
  auto dispatcher = *PacketDispatcher::create();
  bool unused = false;
  Stream::Options options{.camera_id = "front", .rendition = {}, .memory = memory_};
  options.on_unused = [&] { unused = true; };
  auto stream = std::make_shared<Stream>(std::move(options));
  auto reader = std::make_unique<CountingReader>(stream);
  auto subscription = dispatcher->subscribe(stream, *reader);
  stream.reset();
  reader.reset();
  EXPECT_FALSE(unused);
  subscription.reset();
  EXPECT_TRUE(unused);
}

TEST_F(StreamTest, CloseReachesReadersAlsoLateOnes) {
  auto dispatcher = *PacketDispatcher::create();
  auto stream = make_stream(Codec::jpeg);
  CountingReader early(stream), late(stream);
  auto subscription_early = dispatcher->subscribe(stream, early);
  stream->close("the camera was removed");
  dispatcher->run_pending();
  EXPECT_TRUE(early.closed);
  auto other = *PacketDispatcher::create();
  auto subscription_late = other->subscribe(stream, late);
  other->run_pending();
  EXPECT_TRUE(late.closed);
  EXPECT_EQ(stream->close_reason(), "the camera was removed");
}

// Who publishes wakes a loop without the stream's lock: the loop may have ended by then.
TEST_F(StreamTest, LoopsMayComeAndGoWhilePacketsArrive) {
  auto stream = make_stream(Codec::jpeg);
  std::atomic<bool> is_enough = false;
  std::thread ingest([&] {
    for (uint64_t i = 1; !is_enough; ++i) stream->publish(packet(i));
  });
  for (int i = 0; i < 100; ++i) {
    auto dispatcher = *PacketDispatcher::create();
    CountingReader reader(stream);
    auto subscription = dispatcher->subscribe(stream, reader);
    pollfd wait{dispatcher->event_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&wait, 1, 10'000), 1);
    dispatcher->run_pending();
    EXPECT_GT(reader.last, 0u);
  }
  is_enough = true;
  ingest.join();
}

TEST_F(StreamTest, PublishingFromAnotherThreadReachesTheLoop) {
  auto dispatcher = *PacketDispatcher::create();
  auto stream = make_stream(Codec::jpeg);
  CountingReader reader(stream);
  auto subscription = dispatcher->subscribe(stream, reader);
  std::thread ingest([&] {
    for (uint64_t i = 1; i <= 1000; ++i) stream->publish(packet(i));
  });
  while (reader.last < 1000) {
    pollfd wait{dispatcher->event_fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
    dispatcher->run_pending();
  }
  ingest.join();
}

}  // namespace
}  // namespace camweave
