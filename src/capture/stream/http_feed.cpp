// MJPEG over HTTP.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "capture/stream/http_client.h"
#include "capture/stream/jpeg_intake.h"
#include "capture/stream/multipart_reader.h"

namespace camweave::stream_driver {
namespace {

constexpr size_t read_bytes = 128 * 1024;

// 0 for what is missing or nonsense.
double number_in(const Fields& fields, std::string_view name, double most) {
  const std::string_view text = find_field(fields, name);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 && number <= most ? number : 0;
}

class HttpFeed final : public Feed {
 public:
  HttpFeed(HttpExchange exchange, const Clock& clock)
      : connection_(std::move(exchange.connection)),
        begun_(std::move(exchange.begun)),
        reader_(find_parameter(find_field(exchange.head.fields, "content-type"), "boundary")),
        intake_(clock),
        buffer_(read_bytes) {
    if (find_field(exchange.head.fields, "transfer-encoding").find("chunked") != std::string_view::npos)
      chunks_.emplace();
  }

  void watch(const StopSignal* stop) override { connection_.watch(stop); }
  uint64_t take_damaged() override { return intake_.take_damaged(); }
  Result<void> receive(bool pixels_wanted, const Pictures& pictures) override;

 private:
  Result<void> take(std::span<const std::byte> bytes, bool pixels_wanted, const Pictures& pictures);

  Connection connection_;
  std::vector<std::byte> begun_;
  std::optional<ChunkDecoder> chunks_;
  MultipartReader reader_;
  JpegIntake intake_;
  std::vector<std::byte> buffer_;
};

Result<void> HttpFeed::receive(bool pixels_wanted, const Pictures& pictures) {
  if (!begun_.empty()) {
    const auto begun = std::exchange(begun_, {});
    return take(begun, pixels_wanted, pictures);
  }
  auto got = connection_.read(buffer_, std::chrono::steady_clock::now() + network_patience);
  if (!got) return got.error();
  if (*got == 0 || (chunks_ && chunks_->ended()))
    return Error{ErrorCode::unavailable, connection_.peer() + ": the camera ended its stream"};
  return take(std::span(buffer_).first(*got), pixels_wanted, pictures);
}

Result<void> HttpFeed::take(std::span<const std::byte> bytes, bool pixels_wanted, const Pictures& pictures) {
  const auto take_part = [&](const MultipartReader::Part& part) {
    FrameMetadata metadata;
    metadata.exposure_us = static_cast<uint32_t>(number_in(part.fields, "x-exposure-us", 1e9));
    metadata.gain = static_cast<float>(number_in(part.fields, "x-gain", 1e6));
    const double seconds = number_in(part.fields, "x-timestamp", 1e11);
    intake_.take(part.body, UnixMicroseconds(std::llround(seconds * 1e6)), metadata, pixels_wanted, pictures);
  };
  Result<void> state;
  const auto read_parts = [&](std::span<const std::byte> data) {
    if (state) state = reader_.push(data, take_part);
  };
  if (chunks_) {
    auto decoded = chunks_->push(bytes, read_parts);
    if (state && !decoded) state = decoded;
  } else {
    read_parts(bytes);
  }
  if (!state) return Error{state.error().code, connection_.peer() + ": " + state.error().message};
  return {};
}

}  // namespace

Result<std::unique_ptr<Feed>> open_http_feed(const SourceUri& source, const Clock& clock) {
  auto address = parse_address(source.rest);
  if (!address) return address.error();
  auto exchange = http_get(*std::move(address), "", 200);
  if (!exchange) return exchange.error();
  const std::string_view type = find_field(exchange->head.fields, "content-type");
  // What is no text may be pictures one after another under whatever name: video/x-motion-jpeg,
  // application/octet-stream.
  for (const std::string_view other :
       {"text/", "application/json", "image/", "video/mp4", "application/vnd.apple", "application/xml"}) {
    if (type.starts_with(other)) {
      return Error{ErrorCode::unsupported,
                   fmt::format("{}: it is {} and no MJPEG stream", exchange->connection.peer(), type.substr(0, 60))};
    }
  }
  return std::unique_ptr<Feed>(std::make_unique<HttpFeed>(*std::move(exchange), clock));
}

}  // namespace camweave::stream_driver
