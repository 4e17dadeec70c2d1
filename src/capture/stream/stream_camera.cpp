#include "capture/stream/stream_camera.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "capture/stream/address.h"
#include "capture/stream/feed.h"

namespace camweave::stream_driver {
namespace {

constexpr auto first_picture_patience = std::chrono::seconds(15);

struct Scheme {
  const char* name;
  Result<std::unique_ptr<Feed>> (*open)(const SourceUri& source, const Clock& clock);
};
constexpr Scheme schemes[] = {
    {"http", &open_http_feed},         {"https", &open_http_feed},   {"rtsp", &open_rtsp_feed},
    {"rtsps", &open_rtsp_feed},        {"tcp+jpeg", &open_tcp_feed}, {"ws+bundle", &open_bundle_feed},
    {"wss+bundle", &open_bundle_feed},
};

class StreamCamera final : public Camera {
 public:
  StreamCamera(const Clock& clock, Log& log) : clock_(clock), log_(log) {}

  Result<ipc::Opened> open(const CameraRequest& request) override;
  Result<void> run(FrameSink& sink, const StopSignal& stop) override;
  std::vector<Control> controls() const override { return {}; }
  ControlOutcome set_controls(const ControlValues&) override { return {}; }
  Result<void> reset_controls() override { return {}; }

 private:
  Result<void> wait_for_first();
  void show(FeedPicture picture, FrameSink& sink);

  const Clock& clock_;
  Log& log_;
  std::string shown_;  // the source without its secrets
  std::unique_ptr<Feed> feed_;
  std::vector<FeedPicture> early_;  // found while opening, delivered by run()
  Result<void> early_end_;          // what was found behind them, told by run() after them
  ipc::Opened opened_;
  uint64_t sequence_ = 0;
};

Result<ipc::Opened> StreamCamera::open(const CameraRequest& request) {
  const auto scheme = std::ranges::find(schemes, request.source.scheme, &Scheme::name);
  if (scheme == std::end(schemes)) {
    return Error{ErrorCode::unsupported, fmt::format("the stream driver knows no '{}:'", request.source.scheme)};
  }
  shown_ = request.source.redacted;
  sequence_ = request.first_sequence;
  early_.clear();
  early_end_ = {};
  auto feed = scheme->open(request.source, clock_);
  if (!feed) return feed.error();
  feed_ = *std::move(feed);
  if (auto waited = wait_for_first(); !waited) {
    feed_.reset();
    return waited.error();
  }
  const Frame& first = *early_.front().frame;
  opened_ = {};
  if (const auto address = parse_address(request.source.rest)) opened_.model = address->host;
  opened_.mode = {first.format, first.size, feed_->fps_milli()};
  opened_.modes = {opened_.mode};
  if (!request.wanted_size.empty() && request.wanted_size != first.size) {
    opened_.mode_note =
        fmt::format("{} instead of {}: the camera decides", to_string(first.size), to_string(request.wanted_size));
  }
  return opened_;
}

Result<void> StreamCamera::wait_for_first() {
  const Timestamp deadline = std::chrono::steady_clock::now() + first_picture_patience;
  while (early_.empty()) {
    auto received = feed_->receive(true, [&](FeedPicture picture) {
      if (picture.frame) early_.push_back(std::move(picture));
    });
    if (!received && early_.empty()) return received;
    early_end_ = std::move(received);
    if (early_.empty() && std::chrono::steady_clock::now() > deadline) {
      return Error{ErrorCode::timeout,
                   fmt::format("{}: no picture within {} s", shown_, first_picture_patience.count())};
    }
  }
  return {};
}

Result<void> StreamCamera::run(FrameSink& sink, const StopSignal& stop) {
  feed_->watch(&stop);
  for (FeedPicture& picture : std::exchange(early_, {})) show(std::move(picture), sink);
  Result<void> received = std::exchange(early_end_, {});
  while (!stop.raised() && received) {
    received = feed_->receive(sink.wanted(), [&](FeedPicture picture) { show(std::move(picture), sink); });
    if (const uint64_t damaged = feed_->take_damaged()) {
      sink.count_dropped(damaged);
      sequence_ += damaged;  // a gap says so to clients
      log_.limited(LogLevel::warning, "stream", fmt::format("{}: damaged pictures are left out", shown_));
    }
  }
  feed_.reset();
  return stop.raised() ? Result<void>() : received;
}

void StreamCamera::show(FeedPicture picture, FrameSink& sink) {
  if (!picture.frame) {
    sink.note_metadata(picture.metadata);
    return sink.count_frame(sequence_++, picture.time);
  }
  Frame& frame = *picture.frame;
  if (frame.size != opened_.mode.size || frame.format != opened_.mode.format) {
    opened_.mode.size = frame.size;
    opened_.mode.format = frame.format;
    opened_.modes = {opened_.mode};
    sink.opened(opened_);
  }
  frame.sequence = sequence_++;
  sink.deliver(std::move(frame));
}

}  // namespace

std::unique_ptr<Camera> make_camera(const Clock& clock, Log& log) { return std::make_unique<StreamCamera>(clock, log); }

}  // namespace camweave::stream_driver
