#include "control/dual_camera/multipart_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace camweave {
namespace {

constexpr size_t longest_boundary = 70;  // RFC 2046, section 5.1.1
constexpr size_t longest_part_head = 4096;

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes `word` or `"quoted \" word"` from the front.
std::string take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    const size_t end = std::min(text.find(';'), text.size());
    value = trimmed(text.substr(0, end));
    text.remove_prefix(end);
    return value;
  }
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
    value += text.front();
    text.remove_prefix(1);
  }
  if (!text.empty()) text.remove_prefix(1);
  return value;
}

// The value of one parameter of "type; a=1; b=\"2\"".
std::string header_parameter(std::string_view header, std::string_view wanted) {
  size_t semicolon = header.find(';');
  while (semicolon != std::string_view::npos) {
    header = trimmed(header.substr(semicolon + 1));
    const size_t equals = header.find('=');
    if (equals == std::string_view::npos) return "";
    const std::string_view name = trimmed(header.substr(0, equals));
    header.remove_prefix(equals + 1);
    std::string value = take_value(header);
    if (equal_any_case(name, wanted)) return value;
    semicolon = header.find(';');
  }
  return "";
}

std::string field_name(std::string_view head) {
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && equal_any_case(trimmed(line.substr(0, colon)), "content-disposition")) {
      return header_parameter(line.substr(colon + 1), "name");
    }
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return "";
}

Error broken(size_t offset, const char* why) {
  return {ErrorCode::invalid_argument, fmt::format("multipart body, byte {}: {}", offset, why)};
}

}  // namespace

Result<std::string> multipart_boundary(std::string_view content_type) {
  std::string boundary = header_parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > longest_boundary) {
    return Error{ErrorCode::invalid_argument, "Content-Type: multipart/form-data without a usable boundary"};
  }
  return boundary;
}

Result<FormFields> parse_multipart_form(std::string_view body, std::string_view boundary) {
  const std::string delimiter = "--" + std::string(boundary);
  size_t at = body.find(delimiter);
  if (at == std::string_view::npos || (at > 0 && !body.substr(0, at).ends_with("\r\n"))) {
    return broken(0, "the boundary does not appear");
  }
  FormFields fields;
  while (true) {
    at += delimiter.size();
    const std::string_view rest = body.substr(at);
    if (rest.starts_with("--")) return fields;
    const size_t line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos || !trimmed(rest.substr(0, line_end)).empty()) {
      return broken(at, "something else than a line's end after the boundary");
    }
    if (fields.size() == max_form_fields) return broken(at, "too many fields");
    const std::string_view part = rest.substr(line_end);  // with the CRLF: a part may have no header at all
    const size_t head_end = part.find("\r\n\r\n");
    const size_t end = part.find("\r\n" + delimiter, head_end == std::string_view::npos ? 0 : head_end + 2);
    if (head_end == std::string_view::npos || head_end > longest_part_head)
      return broken(at, "a part without its head");
    if (end == std::string_view::npos) return broken(at, "a part without its end");
    std::string name = field_name(head_end < 2 ? std::string_view() : part.substr(2, head_end - 2));
    if (name.empty()) return broken(at, "a part without a name");
    const size_t value_begin = head_end + 4;
    fields.emplace_back(std::move(name),
                        end > value_begin ? part.substr(value_begin, end - value_begin) : std::string_view());
    at += line_end + end + 2;
  }
}

}  // namespace camweave
