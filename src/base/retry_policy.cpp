#include "base/retry_policy.h"

#include <algorithm>

namespace camweave {
namespace {
using namespace std::chrono_literals;
constexpr std::chrono::nanoseconds soonest = 20ms;
constexpr std::chrono::nanoseconds soonest_spread = 60ms;
constexpr std::chrono::nanoseconds first_delay = 500ms;
constexpr std::chrono::nanoseconds longest_delay = 30s;
constexpr double jitter = 0.2;
constexpr auto health_that_forgets = 60s;

std::chrono::nanoseconds scaled(std::chrono::nanoseconds time, double factor) {
  return std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(time.count()) * factor));
}
}  // namespace

void RetryPolicy::pictures_began(Timestamp now) {
  if (!healthy_since_) healthy_since_ = now;
}

std::chrono::nanoseconds RetryPolicy::failed(Timestamp now) {
  const bool was_healthy = healthy_since_.has_value();
  if (was_healthy && now - *healthy_since_ >= health_that_forgets) forget();
  healthy_since_.reset();
  const double chance = std::clamp(chance_(), 0.0, 1.0);
  if (failures_ == 0 && was_healthy && !retried_at_once_) {
    retried_at_once_ = true;
    return soonest + scaled(soonest_spread, chance);
  }
  constexpr int enough_doublings = 10;
  const auto nominal = std::min(longest_delay, first_delay * (1 << std::min(failures_, enough_doublings)));
  ++failures_;
  return scaled(nominal, 1.0 - jitter * chance);
}

void RetryPolicy::forget() {
  failures_ = 0;
  retried_at_once_ = false;
  healthy_since_.reset();
}

}  // namespace camweave
