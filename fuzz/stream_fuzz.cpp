// Everything that a network camera sends: HTTP heads, chunks, multipart bodies, WebSocket frames, bundles, lengths; and
// addresses. Torn anywhere the readers find the same. The first byte says how the bytes are torn.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "capture/stream/address.h"
#include "capture/stream/authorization.h"
#include "capture/stream/bundle_reader.h"
#include "capture/stream/length_prefix.h"
#include "capture/stream/multipart_reader.h"

namespace {

using namespace camweave::stream_driver;
using Bytes = std::span<const std::byte>;

// Calls `push(piece)` until it fails, and returns whether it did.
template <typename Push>
bool push_torn(Bytes bytes, size_t chunk, Push push) {
  for (size_t at = 0; at < bytes.size(); at += chunk) {
    if (!push(bytes.subspan(at, std::min(chunk, bytes.size() - at)))) return false;
  }
  return true;
}

struct Outcome {
  std::vector<std::vector<std::byte>> pieces;
  bool operator==(const Outcome&) const = default;
};

template <typename Reader>
Outcome read_all(Reader reader, Bytes bytes, size_t chunk) {
  Outcome outcome;
  const auto keep = [&](Bytes piece) { outcome.pieces.emplace_back(piece.begin(), piece.end()); };
  push_torn(bytes, chunk, [&](Bytes piece) {
    if constexpr (std::is_same_v<Reader, LengthPrefixReader>)
      return reader.push(piece, keep).ok();
    else
      return reader.push(piece, [&](const auto& part) { keep(part.body); }).ok();
  });
  return outcome;
}

template <typename Reader>
void expect_same(const Reader& reader, Bytes bytes, size_t chunk) {
  if (read_all(reader, bytes, chunk) != read_all(reader, bytes, bytes.size())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t chunk = data[0] % 64 + 1u;
  const Bytes bytes = std::as_bytes(std::span(data + 1, size - 1));
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);

  if (const auto address = parse_address(text)) (void)resolve_location(*address, text);
  if (const auto end = find_end_of_fields(bytes); end && *end) {
    if (const auto head = parse_response_head(text.substr(0, **end))) {
      (void)answer_challenge(head->fields, {"user", "password", "GET", "/", "nonce"});
      (void)find_parameter(find_field(head->fields, "content-type"), "boundary");
    }
  }
  ChunkDecoder chunks;
  push_torn(bytes, chunk, [&](Bytes piece) { return chunks.push(piece, [](Bytes) {}).ok(); });
  if (const auto found = find_in_bundle(bytes, 1); found && *found && (*found)->payload.size() > bytes.size())
    std::abort();
  expect_same(LengthPrefixReader(), bytes, chunk);
  expect_same(MultipartReader("b"), bytes, chunk);
  expect_same(MultipartReader(""), bytes, chunk);
  expect_same(WebSocketReader(), bytes, chunk);
  return 0;
}
