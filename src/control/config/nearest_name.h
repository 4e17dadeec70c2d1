// The valid name that somebody probably meant. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace camweave {

// The name with the fewest edits (insert, remove, replace, swap neighbours) to `written`; none when all are far off.
std::optional<std::string_view> nearest_name(std::string_view written, std::span<const std::string_view> names);

// "; did you mean 'source'?" or "; valid: a, b, c".
std::string did_you_mean(std::string_view written, std::span<const std::string_view> names);

}  // namespace camweave
