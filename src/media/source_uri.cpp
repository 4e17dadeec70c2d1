#include "media/source_uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace camweave {
namespace {

// Drivers whose rest is not ours to take apart: an address or a command line.
bool is_opaque(std::string_view scheme, std::string_view rest) { return scheme == "exec" || rest.starts_with("//"); }

bool is_scheme_character(char c) {
  return std::islower(static_cast<unsigned char>(c)) || std::isdigit(static_cast<unsigned char>(c)) || c == '+' || c == '-' ||
         c == '.';
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

Result<void> parse_options(std::string_view query, SourceUri& into) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    auto key = percent_decode(pair.substr(0, equals));
    auto value = equals == std::string_view::npos ? Result<std::string>("1") : percent_decode(pair.substr(equals + 1));
    if (!key) return key.error();
    if (!value) return value.error();
    if (key->empty()) return Error{ErrorCode::invalid_argument, "an option without a name"};
    if (!into.options.emplace(*key, *value).second) {
      return Error{ErrorCode::invalid_argument, fmt::format("option '{}' is given twice", *key)};
    }
  }
  return {};
}

constexpr std::array<std::string_view, 9> secret_keys{"password", "passwd", "pwd", "pass",  "token",
                                                      "key",      "secret", "auth", "signature"};

bool is_secret_key(std::string_view key) {
  std::string lower(key);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(secret_keys, [&](std::string_view secret) { return lower.find(secret) != std::string::npos; });
}

bool ends_word(char c) { return std::isspace(static_cast<unsigned char>(c)) || c == '"' || c == '\'' || c == '<' || c == '>'; }

// Where an authority ends. A password may hold a raw '/', '?' or '#': the last '@' before the word's end decides.
size_t end_of_credentials(std::string_view word) {
  const size_t at = word.rfind('@');
  if (at == std::string_view::npos) return 0;
  const size_t slash = word.find('/');
  // An '@' in the path of an address without credentials ("rtsp://host/a@b") is not one; "user:pa/ss@host" is.
  if (slash != std::string_view::npos && slash < at && word.substr(0, slash).find(':') == std::string_view::npos) return 0;
  return at;
}

std::string redact_query(std::string_view word) {
  const size_t mark = word.find('?');
  if (mark == std::string_view::npos) return std::string(word);
  std::string out(word.substr(0, mark + 1));
  std::string_view query = word.substr(mark + 1);
  while (!query.empty()) {
    const size_t end = query.find_first_of("&;");
    const std::string_view pair = query.substr(0, end);
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && is_secret_key(pair.substr(0, equals))) {
      out.append(pair.substr(0, equals)).append("=***");
    } else {
      out.append(pair);
    }
    if (end == std::string_view::npos) break;
    out += query[end];
    query.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) return Error{ErrorCode::invalid_argument, "a bad % escape"};
    const auto byte = static_cast<char>(*high << 4 | *low);
    if (byte == '\0') return Error{ErrorCode::invalid_argument, "an encoded NUL"};
    out += byte;
    i += 2;
  }
  return out;
}

std::string redact_url(std::string_view text) {
  std::string out;
  for (;;) {
    const size_t authority = text.find("://");
    if (authority == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, authority + 3));
    text.remove_prefix(authority + 3);
    const size_t end = static_cast<size_t>(std::ranges::find_if(text, ends_word) - text.begin());
    std::string_view word = text.substr(0, end);
    if (const size_t at = end_of_credentials(word)) {
      out += "***";
      word.remove_prefix(at);
    }
    out += redact_query(word);
    text.remove_prefix(end);
  }
}

Result<SourceUri> parse_source_uri(std::string_view text) {
  constexpr size_t longest = 4096;
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::invalid_argument, fmt::format("source '{}': {}", redact_url(text.substr(0, 200)), why)};
  };
  if (text.size() > longest) return refuse("longer than 4096 characters");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return refuse("holds a control character");
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return refuse("no 'driver:' in front, as in v4l2:/dev/video0");
  SourceUri uri;
  uri.text = text;
  uri.scheme = text.substr(0, colon);
  std::ranges::transform(uri.scheme, uri.scheme.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!std::ranges::all_of(uri.scheme, is_scheme_character)) return refuse("no 'driver:' in front, as in v4l2:/dev/video0");
  uri.redacted = redact_url(text);
  const std::string_view rest = text.substr(colon + 1);
  if (rest.starts_with("//")) {
    uri.rest = text;
    return uri;
  }
  const size_t mark = is_opaque(uri.scheme, rest) ? std::string_view::npos : rest.find('?');
  uri.rest = rest.substr(0, mark);
  if (mark == std::string_view::npos) return uri;
  if (auto parsed = parse_options(rest.substr(mark + 1), uri); !parsed) return refuse(parsed.error().message);
  return uri;
}

}  // namespace camweave
