#include "base/log.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <ctime>
#include <utility>

namespace camweave {

const char* to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "info";
}

Log::Log(const Clock& clock, LogLevel least, Writer writer)
    : clock_(clock), least_(least), writer_(std::move(writer)) {}

void Log::write(LogLevel level, std::string_view subject, std::string text) {
  if (level < least_) return;
  LogLine line{clock_.wall_now(), level, std::string(subject), std::move(text)};
  MutexLock lock(mutex_);
  if (writer_) writer_(line);
  recent_.push_back(std::move(line));
  if (recent_.size() > kept_lines) recent_.pop_front();
}

void Log::limited(LogLevel level, std::string_view subject, std::string_view text, std::chrono::seconds interval) {
  constexpr size_t most_held = 1000;  // subjects can come from outside: the memory of them is bounded
  uint64_t held_back = 0;
  {
    MutexLock lock(mutex_);
    if (held_.size() >= most_held) held_.clear();
    auto [place, is_new] = held_.try_emplace(fmt::format("{}\n{}", subject, text));
    const Timestamp now = clock_.now();
    if (!is_new && now - place->second.last < interval) {
      ++place->second.count;
      return;
    }
    held_back = std::exchange(place->second.count, 0);
    place->second.last = now;
  }
  write(level, subject, held_back ? fmt::format("{} ({} more like this before)", text, held_back) : std::string(text));
}

std::vector<LogLine> Log::recent() const {
  MutexLock lock(mutex_);
  return {recent_.begin(), recent_.end()};
}

std::string format_iso8601(UnixMicroseconds time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t whole = seconds.count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06d}Z", parts, (time - seconds).count());
}

namespace {

// A log line that can't be written is lost: there is nobody left to tell.
void write_whole(int fd, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
}

// Control characters could forge lines or move a terminal's cursor; some subjects and texts come from outside.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

Log::Writer text_log_writer(int fd) {
  return [fd](const LogLine& line) {
    write_whole(fd, fmt::format("{} {} {}: {}\n", format_iso8601(line.time), to_string(line.level),
                                printable(line.subject), printable(line.text)));
  };
}

Log::Writer json_log_writer(int fd) {
  return [fd](const LogLine& line) {
    write_whole(fd, fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"subject\":{},\"text\":{}}}\n",
                                format_iso8601(line.time), to_string(line.level), json_string(line.subject),
                                json_string(line.text)));
  };
}

}  // namespace camweave
