// An HTTP response as cameras send it: status line, header fields, chunks. Tolerant: lines may end in a bare line feed,
// and the protocol's version may be anything. Pure; fuzzed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace camweave::stream_driver {

struct Field {
  std::string name;  // lower case
  std::string value;
};
using Fields = std::vector<Field>;

// The first one of that (lower-case) name; "" where there is none.
std::string_view find_field(const Fields& fields, std::string_view name);

// The bytes up to and with the empty line that ends header fields, or nullopt while it hasn't come. `exhausted` over 16
// KiB.
Result<std::optional<size_t>> find_end_of_fields(std::span<const std::byte> bytes);
// The lines in `text`; those without a colon are passed over.
Fields parse_fields(std::string_view text);

struct ResponseHead {
  int status = 0;
  std::string reason;
  Fields fields;
};
// `text`: status line and fields, as find_end_of_fields() bounds them.
Result<ResponseHead> parse_response_head(std::string_view text);

// The value of `name` in "multipart/x-mixed-replace; boundary=\"x y\"" or `Digest realm="a", nonce="b"`; "" where it
// isn't.
std::string find_parameter(std::string_view field, std::string_view name);

// Takes the chunk sizes out of a chunked body. Thread-bound.
class ChunkDecoder {
 public:
  // Gives the data in pieces; `protocol` for a bad size.
  using Data = std::function<void(std::span<const std::byte>)>;
  Result<void> push(std::span<const std::byte> bytes, const Data& data);
  bool ended() const { return place_ == Place::end; }

 private:
  enum class Place { size, extension, data, after_data, end };
  Result<void> read_size(char c);

  Place place_ = Place::size;
  uint64_t left_ = 0;  // of this chunk
  int digits_ = 0;
};

}  // namespace camweave::stream_driver
