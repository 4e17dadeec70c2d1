#include "control/supervisor/worker_log.h"

#include <algorithm>

#include "media/source_uri.h"

namespace camweave {

WorkerLog::WorkerLog(const Clock& clock, Log& log, std::string camera_id)
    : clock_(clock), log_(log), subject_("camera " + camera_id), refilled_(clock.now()) {}

void WorkerLog::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    const size_t room = max_line_bytes - begun_.size();
    begun_.append(part.substr(0, room));
    is_cut_ = is_cut_ || part.size() > room;
    if (end == std::string_view::npos) return;
    line(begun_);
    begun_.clear();
    is_cut_ = false;
    bytes.remove_prefix(end + 1);
  }
}

void WorkerLog::line(std::string_view text) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.empty()) return;
  const Timestamp now = clock_.now();
  allowed_lines_ += std::chrono::duration<double>(now - refilled_).count() * lines_per_second;
  allowed_lines_ = std::min(allowed_lines_, burst_lines);
  refilled_ = now;
  if (allowed_lines_ < 1) {
    ++left_out_;
    return;
  }
  allowed_lines_ -= 1;
  tell_left_out();
  // The runtime writes "warning text"; what a program of somebody else's writes is plain information.
  LogLevel level = LogLevel::info;
  for (const LogLevel known : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    const std::string_view word = to_string(known);
    if (!text.starts_with(word) || text.size() <= word.size() + 1 || text[word.size()] != ' ') continue;
    level = known;
    text.remove_prefix(word.size() + 1);
    break;
  }
  log_.write(level, subject_, redact_url(text) + (is_cut_ ? " …" : ""));
}

void WorkerLog::tell_left_out() {
  if (left_out_) log_.warning(subject_, "{} more lines of the worker left out", std::exchange(left_out_, 0));
}

void WorkerLog::end() {
  if (!begun_.empty()) line(begun_);
  begun_.clear();
  tell_left_out();
}

}  // namespace camweave
