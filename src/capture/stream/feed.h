// Feed: one network camera's pictures, however they come. Thread-bound: all calls on the driver thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "capture/camera.h"

namespace camweave::stream_driver {

inline constexpr auto network_patience = std::chrono::seconds(10);  // for a connection, an answer, the next bytes

struct FeedPicture {
  Timestamp time{};            // of capture where the peer says it, else of arrival
  std::optional<Frame> frame;  // empty: no pixels were asked for; its sequence is to be filled in
  FrameMetadata metadata;      // what the peer says of it
};

class Feed {
 public:
  virtual ~Feed() = default;

  // A raised `stop` ends any wait from now on, with an error that nobody will see. It outlives the feed.
  virtual void watch(const StopSignal* stop) = 0;
  // Waits for bytes and gives the pictures in them, if any. Fails when the stream ends.
  using Pictures = std::function<void(FeedPicture)>;
  virtual Result<void> receive(bool pixels_wanted, const Pictures& pictures) = 0;

  virtual uint64_t take_damaged() = 0;  // pictures left out since the last call
  virtual int fps_milli() const { return 0; }
};

// Each connects, logs in and sees that a stream follows, within network_patience. Errors name host and port, no secret.
Result<std::unique_ptr<Feed>> open_http_feed(const SourceUri& source, const Clock& clock);
Result<std::unique_ptr<Feed>> open_tcp_feed(const SourceUri& source, const Clock& clock);
Result<std::unique_ptr<Feed>> open_bundle_feed(const SourceUri& source, const Clock& clock);
Result<std::unique_ptr<Feed>> open_rtsp_feed(const SourceUri& source, const Clock& clock);

}  // namespace camweave::stream_driver
