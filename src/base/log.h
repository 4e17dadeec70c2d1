// Log: where lines for the operator go. Passed in, never global. Thread-safe.
// A line has a subject (what it is about: "camera front", "http", "publish cam") and a text; secrets never go in
// (use redact_url() of media/source_uri.h for anything that a user wrote as an address).
#pragma once

#include <fmt/format.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace camweave {

enum class LogLevel { debug, info, warning, error };
const char* to_string(LogLevel level);

struct LogLine {
  UnixMicroseconds time{};
  LogLevel level = LogLevel::info;
  std::string subject;
  std::string text;
};

class Log {
 public:
  // Called for each line under the log's own lock: must not log and must not block for long.
  using Writer = std::function<void(const LogLine&)>;

  Log(const Clock& clock, LogLevel least, Writer writer);

  template <typename... Args>
  void debug(std::string_view subject, fmt::format_string<Args...> text, Args&&... args) {
    if (least_ <= LogLevel::debug) write(LogLevel::debug, subject, fmt::format(text, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(std::string_view subject, fmt::format_string<Args...> text, Args&&... args) {
    if (least_ <= LogLevel::info) write(LogLevel::info, subject, fmt::format(text, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warning(std::string_view subject, fmt::format_string<Args...> text, Args&&... args) {
    if (least_ <= LogLevel::warning) write(LogLevel::warning, subject, fmt::format(text, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void error(std::string_view subject, fmt::format_string<Args...> text, Args&&... args) {
    write(LogLevel::error, subject, fmt::format(text, std::forward<Args>(args)...));
  }

  void write(LogLevel level, std::string_view subject, std::string text);

  // The same (subject, text) at most once in `interval`; the next line that passes says how many were held back.
  void limited(LogLevel level, std::string_view subject, std::string_view text,
               std::chrono::seconds interval = std::chrono::seconds(10));

  // The last lines, oldest first (GET /api/v1/logs). At most `kept_lines` are kept.
  std::vector<LogLine> recent() const;

  static constexpr size_t kept_lines = 500;

 private:
  struct Held {
    Timestamp last;
    uint64_t count = 0;
  };

  // Constant after construction.
  const Clock& clock_;
  const LogLevel least_;
  const Writer writer_;

  mutable Mutex mutex_;
  std::deque<LogLine> recent_ GUARDED_BY(mutex_);
  std::map<std::string, Held, std::less<>> held_ GUARDED_BY(mutex_);
};

// Writers for a terminal or journal: "2026-11-21T10:00:00.123Z info camera front: text", or one JSON object a line.
Log::Writer text_log_writer(int fd);
Log::Writer json_log_writer(int fd);

// ISO 8601 in UTC with microseconds: 2026-11-21T10:00:00.123456Z.
std::string format_iso8601(UnixMicroseconds time);

}  // namespace camweave
