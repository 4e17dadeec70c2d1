// PacketDecoder: the pictures of a camera that gives H.264 or H.265, for those renditions and stills that can't take
// its packets as they are; decoded once for all of them. While nobody wants pictures it keeps the packets since the
// last keyframe and does nothing more, so that the first picture comes at once.
//
// Threads: push() and repeat() on the driver's thread, which they never hold up; pictures come on its own thread, which
// begins with the first picture that is wanted. One that falls behind goes on at the next keyframe.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "capture/captured_frame.h"
#include "capture/decode/video_decoder.h"

namespace camweave {

class PacketDecoder {
 public:
  struct Listener {
    std::function<void(const CapturedFrame&)> picture;  // with number, time and metadata of its packet
    std::function<void(const CapturedFrame& packet, const Error&)> failed;  // no decoder: it won't come
    std::function<void(uint64_t packets)> dropped;                          // damaged, or left out to catch up
  };
  explicit PacketDecoder(Listener listener) : listener_(std::move(listener)) {}
  ~PacketDecoder();

  // Every packet, in order; the bytes are copied. `wanted`: somebody waits for pictures.
  void push(const CapturedFrame& packet, bool wanted);
  // The newest picture again, as a frame of its own.
  void repeat(uint64_t sequence, Timestamp time, UnixMicroseconds wall, bool wanted);

 private:
  static constexpr size_t most_kept_bytes = size_t{64} << 20;
  static constexpr size_t most_kept_packets = 1000;
  static constexpr size_t most_behind = 30;

  struct Step {
    std::shared_ptr<AVPacket> packet;  // none: the newest picture again
    CapturedFrame about;               // without its bytes
    bool begins = false;               // nothing before it counts
    bool is_shown = true;
  };

  bool keep(const Step& step) REQUIRES(mutex_);
  void catch_up() REQUIRES(mutex_);
  void work();
  void decode(const Step& step);
  bool make_decoder(const Step& step);
  void show(VideoDecoder::Picture picture);
  void show_again(const CapturedFrame& about);

  // Constant after construction.
  const Listener listener_;

  Mutex mutex_;
  CondVar changed_;
  std::deque<Step> kept_ GUARDED_BY(mutex_);  // since the last keyframe
  size_t kept_bytes_ GUARDED_BY(mutex_) = 0;
  bool complete_ GUARDED_BY(mutex_) = false;  // kept_ begins with a keyframe and lacks nothing
  bool running_ GUARDED_BY(mutex_) = false;   // queue_ goes on where the decoder is
  std::deque<Step> queue_ GUARDED_BY(mutex_);
  size_t catching_up_ GUARDED_BY(mutex_) = 0;  // of queue_: those from before somebody wanted pictures
  bool closed_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // begun in push() and repeat()

  // Its own thread.
  std::optional<VideoDecoder> decoder_;
  PixelFormat decodes_ = PixelFormat::h264;
  std::deque<CapturedFrame> in_decoder_;
  std::optional<CapturedFrame> newest_;
};

}  // namespace camweave
