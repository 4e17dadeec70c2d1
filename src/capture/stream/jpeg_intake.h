// JpegIntake: what a feed of JPEGs does with each one: check, count the damaged, make the Frame with the peer's
// metadata and capture time. Thread-bound.
#pragma once

#include <algorithm>
#include <utility>

#include "capture/jpeg_frame.h"
#include "capture/stream/feed.h"

namespace camweave::stream_driver {

class JpegIntake {
 public:
  explicit JpegIntake(const Clock& clock) : clock_(clock) {}

  // `wall`: the peer's capture time, 0 where unknown; believed where it lies in the last 10 s of our clock.
  void take(std::span<const std::byte> jpeg, UnixMicroseconds wall, const FrameMetadata& metadata, bool pixels_wanted,
            const Feed::Pictures& pictures) {
    FeedPicture picture;
    const Timestamp now = clock_.now();
    const auto age = clock_.wall_now() - wall;
    const bool believed = age >= UnixMicroseconds(0) && age <= std::chrono::seconds(10);
    // Times only rise, also where the wall clock steps.
    last_time_ = picture.time = std::max(last_time_, believed ? now - age : now);
    picture.metadata = metadata;
    if (pixels_wanted) {
      auto frame = make_jpeg_frame(jpeg, 0, picture.time);
      if (!frame) {
        ++damaged_;
        return;
      }
      frame->metadata = metadata;
      picture.frame = *std::move(frame);
    }
    pictures(std::move(picture));
  }

  uint64_t take_damaged() { return std::exchange(damaged_, 0); }

 private:
  const Clock& clock_;
  Timestamp last_time_{};
  uint64_t damaged_ = 0;
};

}  // namespace camweave::stream_driver
