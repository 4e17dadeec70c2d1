#include "capture/stream/http_response.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

namespace camweave::stream_driver {
namespace {

constexpr size_t max_head_bytes = 16 * 1024;
constexpr int max_size_digits = 8;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

// Takes `name=value` or `name="value"` from the front of `text`; behind it comes a separator.
struct Parameter {
  std::string name, value;
};
Parameter take_parameter(std::string_view& text) {
  Parameter parameter;
  const size_t end = text.find_first_of("=;,");
  parameter.name = lower(trim(text.substr(0, end)));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  if (text.starts_with('=')) {
    text.remove_prefix(1);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (text.starts_with('"')) {
      text.remove_prefix(1);
      for (; !text.empty() && text.front() != '"'; text.remove_prefix(1)) {
        if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
        parameter.value += text.front();
      }
      if (!text.empty()) text.remove_prefix(1);
    } else {
      const size_t stop = text.find_first_of(";,");
      parameter.value = trim(text.substr(0, stop));
      text.remove_prefix(stop == std::string_view::npos ? text.size() : stop);
    }
  }
  const size_t next = text.find_first_of(";,");
  text.remove_prefix(next == std::string_view::npos ? text.size() : next + 1);
  return parameter;
}

}  // namespace

std::string_view find_field(const Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? std::string_view() : found->value;
}

Result<std::optional<size_t>> find_end_of_fields(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), max_head_bytes));
  for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at == 0 || text.substr(0, at) == "\r") return std::optional(at + 1);  // none at all
    if (text.substr(at + 1).starts_with('\n')) return std::optional(at + 2);
    if (text.substr(at + 1).starts_with("\r\n")) return std::optional(at + 3);
  }
  if (bytes.size() >= max_head_bytes) return Error{ErrorCode::exhausted, "header fields over 16 KiB"};
  return std::optional<size_t>();
}

Fields parse_fields(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fields.push_back({lower(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
  }
  return fields;
}

Result<ResponseHead> parse_response_head(std::string_view text) {
  const std::string_view line = take_line(text);
  ResponseHead head;
  const size_t space = line.find(' ');
  const std::string_view status = space == std::string_view::npos ? std::string_view() : line.substr(space + 1, 3);
  const auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), head.status);
  if (!line.starts_with("HTTP/") || error != std::errc() || end != status.data() + status.size() || head.status < 100) {
    return Error{ErrorCode::protocol, "the answer is no HTTP"};
  }
  head.reason = trim(line.substr(std::min(line.size(), space + 4)));
  std::erase_if(head.reason, [](unsigned char c) { return c < 0x20 || c > 0x7e; });
  if (head.reason.size() > 100) head.reason.resize(100);
  head.fields = parse_fields(text);
  return head;
}

std::string find_parameter(std::string_view field, std::string_view name) {
  // What stands before the parameters: "multipart/x-mixed-replace;" or "Digest ".
  const size_t first = field.find_first_of("; ");
  field.remove_prefix(first == std::string_view::npos ? field.size() : first + 1);
  while (!field.empty()) {
    Parameter parameter = take_parameter(field);
    if (parameter.name == name) return std::move(parameter.value);
  }
  return {};
}

Result<void> ChunkDecoder::read_size(char c) {
  int digit = -1;
  if (c >= '0' && c <= '9') digit = c - '0';
  if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
  if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
  if (digit >= 0 && digits_ < max_size_digits) {
    left_ = left_ * 16 + static_cast<uint64_t>(digit);
    ++digits_;
  } else if (c == '\n' && digits_ > 0) {
    place_ = left_ == 0 ? Place::end : Place::data;
  } else if ((c == ';' || c == ' ' || c == '\r') && digits_ > 0) {
    place_ = Place::extension;
  } else {
    return Error{ErrorCode::protocol, "a bad chunk size"};
  }
  return {};
}

Result<void> ChunkDecoder::push(std::span<const std::byte> bytes, const Data& data) {
  while (!bytes.empty() && place_ != Place::end) {
    if (place_ == Place::data) {
      const auto piece = bytes.first(static_cast<size_t>(std::min<uint64_t>(left_, bytes.size())));
      data(piece);
      bytes = bytes.subspan(piece.size());
      left_ -= piece.size();
      if (left_ == 0) place_ = Place::after_data;
      continue;
    }
    const auto c = static_cast<char>(bytes.front());
    bytes = bytes.subspan(1);
    if (place_ == Place::size) {
      if (auto read = read_size(c); !read) return read;
    } else if (place_ == Place::extension) {
      if (c == '\n') place_ = left_ == 0 ? Place::end : Place::data;
    } else if (c == '\n') {  // after_data
      place_ = Place::size;
      left_ = 0;
      digits_ = 0;
    } else if (c != '\r') {
      return Error{ErrorCode::protocol, "a chunk longer than its size"};
    }
  }
  return {};
}

}  // namespace camweave::stream_driver
