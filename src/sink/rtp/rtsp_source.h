// RtspSource: one rendition as RTP, packetised once for all its readers: those of our RTSP server and the targets that we
// push to. It reads the media stream on its home loop and publishes a second Stream whose packets are interleaved RTP
// (format/rtp/packetizer.h), which the sessions of all loops read. SSRC, sequence numbers and time stamps are the same for
// every reader. Held by shared_ptr from any thread; ends on its home loop. Thread-safe where said.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "format/rtp/packetizer.h"
#include "format/sdp/sdp.h"
#include "net/io_loop.h"
#include "stream/packet_dispatcher.h"
#include "stream/stream.h"

namespace camweave {

// What DESCRIBE tells; known with the first keyframe.
struct RtspDescription {
  Codec codec = Codec::h264;
  int payload_type = rtp::dynamic_payload_type;
  Size size{};
  int fps_milli = 0;
  sdp::ParameterSets sets;
};

// A frame as RTP: its packets in `body`, and what senders need to know of them without touching the bytes. Every packet of
// RtspSource::rtp() is one.
struct RtpFrame : Packet {
  uint32_t packet_count = 0;
  uint32_t payload_octets = 0;  // as sender reports count them: without headers and padding
  uint16_t first_sequence = 0;

  static const RtpFrame& of(const Packet& packet) { return static_cast<const RtpFrame&>(packet); }
};

class RtspSource final : private PacketReader {
 public:
  // Thread-safe. The source holds the lease on the rendition.
  static std::shared_ptr<RtspSource> start(IoLoop& home, std::shared_ptr<Stream> media);
  ~RtspSource() override = default;

  // Thread-safe. The packets as RTP, each an RtpFrame; closed when the media stream is.
  const std::shared_ptr<Stream>& rtp() const { return rtp_; }
  const Rendition& rendition() const { return media_->rendition(); }
  uint32_t ssrc() const { return ssrc_; }
  uint32_t rtp_time(Timestamp capture_time) const;

  // Thread-safe. Calls `done` once, on any thread, when the first keyframe has come; an error when the pictures can't be
  // carried (`unsupported`) or the stream has ended.
  void describe(std::function<void(Result<RtspDescription>)> done);

 private:
  RtspSource(IoLoop& home, std::shared_ptr<Stream> media);
  void begin();
  void on_packet() override;
  void publish(const PacketPtr& packet);
  void settle(Result<RtspDescription> result);
  void learn(const Packet& packet);

  // Constant after construction.
  IoLoop& home_;
  const std::shared_ptr<Stream> media_;
  const uint32_t ssrc_;
  const uint32_t time_offset_;
  std::shared_ptr<Stream> rtp_;

  // Home loop only.
  PacketCursor cursor_;
  PacketDispatcher::Subscription subscription_;
  rtp::Packetizer packetizer_;
  std::vector<std::byte> buffer_;

  Mutex mutex_;
  std::optional<Result<RtspDescription>> description_ GUARDED_BY(mutex_);
  std::vector<std::function<void(Result<RtspDescription>)>> waiting_ GUARDED_BY(mutex_);
};

// What to ask a camera for when RFC 2435 can't carry its own JPEG: encoded by us, with sides in blocks of 8.
Rendition encoded_for_rtp(Rendition wanted, Size camera_size);

// The sources that are in use, one for each rendition. Thread-safe.
class RtspSources {
 public:
  explicit RtspSources(IoLoops& loops) : loops_(loops) {}
  std::shared_ptr<RtspSource> of(const std::shared_ptr<Stream>& media);

 private:
  IoLoops& loops_;
  Mutex mutex_;
  std::vector<std::pair<const Stream*, std::weak_ptr<RtspSource>>> sources_ GUARDED_BY(mutex_);
};

}  // namespace camweave
