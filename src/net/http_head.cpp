#include "net/http_head.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace camweave {
namespace {

std::string http_date(UnixMicroseconds time) {
  const time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text{};  // not strftime: names of days must not follow the locale
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                days[static_cast<size_t>(parts.tm_wday)], parts.tm_mday, months[static_cast<size_t>(parts.tm_mon)],
                parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text.data();
}

// A value that came from a client (an origin, a path in Location) must not bring lines of its own.
void append_field(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  std::ranges::copy_if(value, std::back_inserter(head), [](char c) { return c != '\r' && c != '\n' && c != '\0'; });
  head += "\r\n";
}

}  // namespace

std::string write_response_head(const HttpResponse& response, const HeadKind& kind, const Clock& clock) {
  std::string head;
  head.reserve(320);
  head += "HTTP/1.1 " + std::to_string(response.status) + " " + http_reason(response.status) + "\r\n";
  append_field(head, "Server", "Camweave/" CAMWEAVE_VERSION);
  append_field(head, "Date", http_date(clock.wall_now()));
  append_field(head, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) append_field(head, name, value);
  if (kind.has_length) append_field(head, "Content-Length", std::to_string(response.body_bytes()));
  if (response.status == 101) {
    append_field(head, "Connection", "Upgrade");
  } else {
    append_field(head, "Connection", kind.keep_alive ? "keep-alive" : "close");
  }
  head += "\r\n";
  return head;
}

}  // namespace camweave
