// MultipartReader: the pictures in a multipart/x-mixed-replace body, torn anywhere, as cameras really send it: the
// boundary with or without dashes of its own, line feeds without returns, anything between the parts. Where a part has
// no Content-Length, the JPEGs' own ends count from then on, so that no picture waits for the next boundary.
// Thread-bound; fuzzed.
#pragma once

#include "capture/stream/http_response.h"
#include "media/jpeg/splitter.h"

namespace camweave::stream_driver {

class MultipartReader {
 public:
  static constexpr size_t max_part_bytes = size_t{32} << 20;

  // `boundary` as the Content-Type field says it; "": unknown, the JPEGs' own ends count.
  explicit MultipartReader(std::string_view boundary);

  struct Part {
    std::span<const std::byte> body;  // valid during the call
    const Fields& fields;
  };
  using Parts = std::function<void(const Part&)>;
  Result<void> push(std::span<const std::byte> bytes, const Parts& parts);

  uint64_t skipped_bytes() const { return skipped_bytes_; }

 private:
  enum class Place { before_part, fields, body };

  Result<bool> step(const Parts& parts);  // false: more bytes are needed
  bool find_boundary();
  Result<bool> read_fields();
  bool read_body(const Parts& parts);
  void split(std::span<const std::byte> bytes, const Parts& parts);
  std::span<const std::byte> rest() const { return std::span(bytes_).subspan(begin_); }

  std::string delimiter_;  // "--" and the boundary without its own dashes
  bool by_jpeg_ = false;
  jpeg::Splitter splitter_{max_part_bytes};
  std::vector<std::byte> bytes_;
  size_t begin_ = 0;
  Place place_ = Place::before_part;
  Fields fields_;
  size_t body_bytes_ = 0;
  uint64_t skipped_bytes_ = 0;
};

}  // namespace camweave::stream_driver
