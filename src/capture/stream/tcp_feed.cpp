// JPEGs with a 4-byte big-endian length in front, over TCP.
#include <fmt/format.h>

#include "capture/stream/http_client.h"
#include "capture/stream/jpeg_intake.h"
#include "capture/stream/length_prefix.h"

namespace camweave::stream_driver {
namespace {

class TcpFeed final : public Feed {
 public:
  TcpFeed(Connection connection, const Clock& clock)
      : connection_(std::move(connection)), intake_(clock), buffer_(128 * 1024) {}

  void watch(const StopSignal* stop) override { connection_.watch(stop); }
  uint64_t take_damaged() override { return intake_.take_damaged(); }
  Result<void> receive(bool pixels_wanted, const Pictures& pictures) override {
    auto got = connection_.read(buffer_, std::chrono::steady_clock::now() + network_patience);
    if (!got) return got.error();
    if (*got == 0) return Error{ErrorCode::unavailable, connection_.peer() + ": the camera ended its stream"};
    auto read = reader_.push(std::span(buffer_).first(*got), [&](std::span<const std::byte> jpeg) {
      intake_.take(jpeg, UnixMicroseconds(0), {}, pixels_wanted, pictures);
    });
    if (!read) return Error{read.error().code, connection_.peer() + ": " + read.error().message};
    return {};
  }

 private:
  Connection connection_;
  LengthPrefixReader reader_;
  JpegIntake intake_;
  std::vector<std::byte> buffer_;
};

}  // namespace

Result<std::unique_ptr<Feed>> open_tcp_feed(const SourceUri& source, const Clock& clock) {
  auto address = parse_address(source.rest);
  if (!address) return address.error();
  auto connection = connect_to(*address);
  if (!connection) return connection.error();
  return std::unique_ptr<Feed>(std::make_unique<TcpFeed>(*std::move(connection), clock));
}

}  // namespace camweave::stream_driver
