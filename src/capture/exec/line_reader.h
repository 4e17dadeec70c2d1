// LineReader: cuts what a program says into lines for the log. A carriage return ends a line that is only progress: it
// is dropped. Thread-bound, pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace camweave::exec {

class LineReader {
 public:
  static constexpr size_t max_line_bytes = 500;  // what is longer is cut

  using Lines = std::function<void(const std::string&)>;
  void push(std::string_view text, const Lines& lines) {
    for (const char c : text) {
      if (c == '\n') {
        finish(lines);
      } else if (c == '\r') {
        progress_ = std::move(line_);
        line_.clear();
      } else if (line_.size() < max_line_bytes) {
        line_ += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
      }
    }
  }
  // The text has ended: what is left is a line, too.
  void finish(const Lines& lines) {
    if (line_.empty()) line_ = std::move(progress_);
    if (!line_.empty()) lines(line_);
    line_.clear();
    progress_.clear();
  }

 private:
  std::string line_, progress_;
};

}  // namespace camweave::exec
