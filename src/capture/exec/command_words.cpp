#include "capture/exec/command_words.h"

#include <algorithm>

namespace camweave::exec {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Reads one word from `rest`, which begins with no space.
Result<std::string> read_word(std::string_view& rest) {
  std::string word;
  char quote = '\0';
  while (!rest.empty()) {
    const char c = rest.front();
    if (!quote && is_space(c)) return word;
    rest.remove_prefix(1);
    if (quote && c == quote) {
      quote = '\0';
    } else if (!quote && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'') {
      if (rest.empty()) return Error{ErrorCode::invalid_argument, "the command ends in a backslash"};
      const char next = rest.front();
      if (quote && std::string_view("\"\\$`").find(next) == std::string_view::npos) word += c;
      word += next;
      rest.remove_prefix(1);
    } else {
      word += c;
    }
  }
  if (quote) return Error{ErrorCode::invalid_argument, std::string("the command has an open quote ") + quote};
  return word;
}

}  // namespace

Result<std::vector<std::string>> split_command(std::string_view command) {
  std::vector<std::string> words;
  for (;;) {
    while (!command.empty() && is_space(command.front())) command.remove_prefix(1);
    if (command.empty()) break;
    auto word = read_word(command);
    if (!word) return word.error();
    words.push_back(*std::move(word));
  }
  if (words.empty() || words.front().empty()) return Error{ErrorCode::invalid_argument, "no program is named"};
  return words;
}

std::string join_command(const std::vector<std::string>& words) {
  std::string command;
  for (const std::string& word : words) {
    if (!command.empty()) command += ' ';
    if (!word.empty() && word.find_first_of(" \t'\"\\") == std::string::npos) {
      command += word;
      continue;
    }
    command += '\'';
    for (const char c : word) {
      if (c == '\'') {
        command += "'\\''";
      } else {
        command += c;
      }
    }
    command += '\'';
  }
  return command;
}

}  // namespace camweave::exec
