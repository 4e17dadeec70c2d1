#include "sink/snapshot/snapshot_sink.h"

#include <fmt/format.h>

#include "sink/rendition_query.h"
#include "stream/packet_dispatcher.h"

namespace camweave {
namespace {

constexpr std::chrono::seconds deadline{5};
constexpr std::chrono::seconds fresh_enough{2};  // a picture older than this is waited out: its camera may have stopped
constexpr int still_quality = 95;

HttpResponse picture_response(const PacketPtr& packet) {
  const PacketInfo& info = packet->info;
  const int64_t wall_us = info.capture_wall.count();
  HttpResponse response;
  response.with("Content-Type", "image/jpeg")
      .with("Cache-Control", "no-store")
      .with("X-Timestamp", fmt::format("{}.{:06}", wall_us / 1'000'000, wall_us % 1'000'000))
      .with("X-Sequence", std::to_string(info.sequence))
      .with("X-Exposure-Us", std::to_string(info.metadata.exposure_us))
      .with("X-Gain", fmt::format("{:.3f}", info.metadata.gain));
  response.shared_body = packet->body.bytes();
  response.keeps = packet;
  return response;
}

std::string state_in_words(const Cameras& cameras, std::string_view camera_id) {
  const auto status = cameras.find(camera_id);
  std::string words = "no picture from camera " + std::string(camera_id);
  if (!status) return words + ": it was removed";
  words += std::string(": it is ") + to_string(status->health.state);
  if (!status->health.last_error.empty()) words += " (" + status->health.last_error + ")";
  return words;
}

// Holds the lease on a rendition until its first fresh picture. Kept by the loop.
class Waiting final : private PacketReader, private Swept {
 public:
  Waiting(std::shared_ptr<HttpExchange> exchange, Cameras& cameras, std::shared_ptr<Stream> stream)
      : Swept(exchange->loop()),
        exchange_(std::move(exchange)),
        cameras_(cameras),
        stream_(std::move(stream)),
        until_(exchange_->loop().now() + deadline) {}

  void begin() {
    subscription_ = exchange_->loop().dispatcher().subscribe(stream_, *this);
    on_packet();
  }

 private:
  void on_packet() override {
    if (stream_->close_reason()) return finish(detail_response(503, state_in_words(cameras_, stream_->camera_id())));
    const PacketPtr newest = stream_->newest();
    if (newest && exchange_->loop().now() - newest->info.capture_time <= fresh_enough) finish(picture_response(newest));
  }
  void on_sweep(Timestamp now) override {
    if (exchange_->is_gone()) return exchange_->loop().let_go(this);
    if (now < until_) return;
    // A camera that is well but slower than a picture in two seconds.
    const auto status = cameras_.find(stream_->camera_id());
    const PacketPtr newest = stream_->newest();
    const bool is_well = newest && status && status->health.state == CameraState::streaming;
    finish(is_well ? picture_response(newest) : detail_response(503, state_in_words(cameras_, stream_->camera_id())));
  }
  void finish(HttpResponse response) {
    const auto exchange = exchange_;
    subscription_.reset();
    exchange->respond(std::move(response));
    exchange->loop().let_go(this);
  }

  const std::shared_ptr<HttpExchange> exchange_;
  Cameras& cameras_;
  const std::shared_ptr<Stream> stream_;
  const Timestamp until_;
  PacketDispatcher::Subscription subscription_;
};

}  // namespace

void send_snapshot(const std::shared_ptr<HttpExchange>& exchange, Cameras& cameras, std::string_view camera_id,
                   const Rendition& rendition) {
  auto stream = cameras.open(camera_id, rendition);
  if (!stream) return exchange->respond(rendition_refusal(stream.error()));
  const auto waiting = std::make_shared<Waiting>(exchange, cameras, std::move(*stream));
  exchange->loop().keep(waiting);
  waiting->begin();
}

void send_still(const std::shared_ptr<HttpExchange>& exchange, Cameras& cameras, std::string_view camera_id,
                int quality) {
  cameras.still(camera_id, quality, [exchange](Result<PacketPtr> picture) {
    exchange->respond(picture ? picture_response(*picture) : error_response(picture.error()));
  });
}

HttpHandler snapshot_handler(Cameras& cameras) {
  return [&cameras](const std::shared_ptr<HttpExchange>& exchange) {
    const HttpRequest& request = exchange->request();
    const auto rendition = parse_rendition_query(request);
    if (!rendition) return exchange->respond(rendition_refusal(rendition.error()));
    const std::string_view full = request.query_value("full").value_or("0");
    if (full != "0" && full != "1") return exchange->respond(detail_response(422, "full must be 0 or 1"));
    const std::string_view camera_id = request.parameter("id");
    if (full == "0") return send_snapshot(exchange, cameras, camera_id, *rendition);
    send_still(exchange, cameras, camera_id, rendition->quality > 0 ? rendition->quality : still_quality);
  };
}

}  // namespace camweave
