// The words of a command line, split as a shell does: '…' as it is, "…" with \" and \\ and \$ and \`, a backslash
// before anything else outside quotes. Nothing is expanded. Pure; fuzzed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace camweave::exec {

// At least one word; `invalid_argument` for an open quote, a backslash at the end, or nothing.
Result<std::vector<std::string>> split_command(std::string_view command);

// The reverse, for log lines and tests: quotes where needed.
std::string join_command(const std::vector<std::string>& words);

}  // namespace camweave::exec
