#include "sink/mjpeg/mjpeg_sink.h"

#include "sink/frame_session.h"
#include "sink/mjpeg/mjpeg_framing.h"
#include "sink/rendition_query.h"

namespace camweave {
namespace {

class MjpegProtocol final : public FrameProtocol {
 public:
  explicit MjpegProtocol(const Framing& framing) : framing_(framing) {}
  const Framing& framing() const override { return framing_; }
  // There is nothing to say on such a connection; a little is read away, a flood is not.
  bool on_input(std::span<const std::byte> bytes, FrameSession&) override {
    ignored_bytes_ += bytes.size();
    return ignored_bytes_ <= most_ignored_bytes;
  }
  std::string farewell(std::string_view) override { return {}; }

 private:
  static constexpr size_t most_ignored_bytes = 64 * 1024;
  const Framing& framing_;
  size_t ignored_bytes_ = 0;
};

}  // namespace

void start_mjpeg(const std::shared_ptr<HttpExchange>& exchange, Cameras& cameras, std::string_view camera_id,
                 const Rendition& rendition, const MjpegOptions& options) {
  HttpResponse response;
  response.with("Content-Type", mjpeg_content_type)
      .with("Cache-Control", "no-store")
      .with("Pragma", "no-cache")
      .with("X-Accel-Buffering", "no");
  if (exchange->request().method == HttpMethod::head &&
      cameras.find(camera_id)) {  // nobody watches: nothing is encoded
    response.has_length = false;
    return exchange->respond(std::move(response));
  }
  auto stream = cameras.open(camera_id, rendition);
  if (!stream) return exchange->respond(rendition_refusal(stream.error()));
  const std::string head = exchange->stream_head(response) + mjpeg_first_boundary;
  auto connection = exchange->take_over();
  if (!connection) return;
  const Framing& framing = options.metadata_headers ? mjpeg_framing : plain_mjpeg_framing;
  FrameSession::start(std::move(connection), std::make_unique<MjpegProtocol>(framing), std::move(*stream), head,
                      {.length = options.length, .on_end = {}});
}

HttpHandler mjpeg_handler(Cameras& cameras) {
  return [&cameras](const std::shared_ptr<HttpExchange>& exchange) {
    const auto rendition = parse_rendition_query(exchange->request());
    if (!rendition) return exchange->respond(rendition_refusal(rendition.error()));
    start_mjpeg(exchange, cameras, exchange->request().parameter("id"), *rendition);
  };
}

}  // namespace camweave
