#include "control/config/nearest_name.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace camweave {
namespace {

// Optimal string alignment distance, over three rows.
size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest_name(std::string_view written, std::span<const std::string_view> names) {
  constexpr size_t longest_compared = 64;  // the work is quadratic, and what is longer is no slip of the pen
  if (written.size() > longest_compared) return std::nullopt;
  std::optional<std::string_view> best;
  size_t best_edits = std::max<size_t>(2, written.size() / 3) + 1;
  for (const std::string_view name : names) {
    const size_t edits = edits_between(written, name);
    if (edits < best_edits && edits < name.size()) {
      best = name;
      best_edits = edits;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view written, std::span<const std::string_view> names) {
  if (const auto name = nearest_name(written, names)) return fmt::format("; did you mean '{}'?", *name);
  return fmt::format("; valid: {}", fmt::join(names, ", "));
}

}  // namespace camweave
