#include "capture/stream/multipart_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace camweave::stream_driver {
namespace {

// nullopt: missing or nonsense.
std::optional<size_t> content_length(const Fields& fields) {
  const std::string_view text = find_field(fields, "content-length");
  size_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size() || length == 0) return std::nullopt;
  return length;
}

}  // namespace

MultipartReader::MultipartReader(std::string_view boundary) {
  while (boundary.starts_with('-')) boundary.remove_prefix(1);
  by_jpeg_ = boundary.empty();
  delimiter_ = "--" + std::string(boundary);
}

Result<void> MultipartReader::push(std::span<const std::byte> bytes, const Parts& parts) {
  if (by_jpeg_) {
    split(bytes, parts);
    return {};
  }
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  for (;;) {
    auto stepped = step(parts);
    if (!stepped) return stepped.error();
    if (!*stepped) return {};
  }
}

Result<bool> MultipartReader::step(const Parts& parts) {
  if (by_jpeg_) {
    const std::vector<std::byte> left(rest().begin(), rest().end());
    bytes_.clear();
    begin_ = 0;
    split(left, parts);
    return false;
  }
  switch (place_) {
    case Place::before_part:
      return find_boundary();
    case Place::fields:
      return read_fields();
    case Place::body:
      return read_body(parts);
  }
  return false;
}

bool MultipartReader::find_boundary() {
  const auto left = rest();
  const auto found = std::search(left.begin(), left.end(), delimiter_.begin(), delimiter_.end(),
                                 [](std::byte a, char b) { return a == static_cast<std::byte>(b); });
  if (found == left.end()) {
    const size_t drop = left.size() - std::min(left.size(), delimiter_.size() - 1);
    skipped_bytes_ += drop;
    begin_ += drop;
    return false;
  }
  // The line that it is on ends it: what follows there may be dashes or spaces.
  const auto line_end = std::find(found, left.end(), std::byte{'\n'});
  skipped_bytes_ += static_cast<size_t>(found - left.begin());
  begin_ += static_cast<size_t>(found - left.begin());
  constexpr std::ptrdiff_t longest_line = 1024;
  if (line_end == left.end() || line_end - found > longest_line) {
    if (left.end() - found <= longest_line) return false;
    begin_ += delimiter_.size();  // it only looked like one
    skipped_bytes_ += delimiter_.size();
    return true;
  }
  begin_ += static_cast<size_t>(line_end - found) + 1;
  place_ = Place::fields;
  return true;
}

Result<bool> MultipartReader::read_fields() {
  const auto end = find_end_of_fields(rest());
  if (!end) return end.error();
  if (!*end) return false;
  fields_ = parse_fields({reinterpret_cast<const char*>(rest().data()), **end});
  begin_ += **end;
  const auto length = content_length(fields_);
  if (length && *length > max_part_bytes) return Error{ErrorCode::exhausted, "a picture over 32 MiB"};
  by_jpeg_ = !length;
  body_bytes_ = length.value_or(0);
  place_ = Place::body;
  return true;
}

bool MultipartReader::read_body(const Parts& parts) {
  if (rest().size() < body_bytes_) return false;
  const auto body = rest().first(body_bytes_);
  begin_ += body_bytes_;
  place_ = Place::before_part;
  parts(Part{body, fields_});
  return true;
}

void MultipartReader::split(std::span<const std::byte> bytes, const Parts& parts) {
  const Fields none;
  splitter_.push(bytes, [&](std::span<const std::byte> picture) { parts(Part{picture, none}); });
}

}  // namespace camweave::stream_driver
