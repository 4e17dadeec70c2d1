// Sessions: who has logged in with the API key. A browser cannot put a header on an <img> or a WebSocket, so the key is
// exchanged once for a random token in a cookie. Tokens live in memory only: a restart ends them, as does another key.
// Thread-safe. Bounded: of too many sessions the one that was not used for the longest ends.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "net/ip_address.h"

namespace camweave {

class Sessions {
 public:
  static constexpr size_t max_sessions = 1000;
  static constexpr auto idle_limit = std::chrono::hours(24 * 7);  // without a request
  static constexpr auto age_limit = std::chrono::hours(24 * 30);  // whatever happens
  // Wrong keys from one address before it has to wait, and how long.
  static constexpr int max_failures = 10;
  static constexpr auto failure_window = std::chrono::minutes(1);

  explicit Sessions(const Clock& clock) : clock_(clock) {}

  // A new session's token: 64 hexadecimal digits of 256 random bits. Fails only when the system has no randomness.
  Result<std::string> begin();
  // Whether the token is a session's; that counts as its use.
  bool holds(std::string_view token);
  void end(std::string_view token);
  // After the API key changed: what the old one opened is closed.
  void end_all();
  size_t size() const;

  // Counts a wrong key. Ten within a minute, and may_try() says no until the minute is over.
  void failed(const IpAddress& peer);
  bool may_try(const IpAddress& peer);

  // The cookie's name for a server addressed as `host` ("cams.local:8000" → "camweave_session_8000"): cookies don't
  // know ports, and two servers on one machine are two logins.
  static std::string cookie_name(std::string_view host);

 private:
  // Not the token itself: a lookup then says nothing about it by the time it takes.
  using Digest = std::array<unsigned char, 32>;
  struct Session {
    Timestamp began;
    Timestamp used;
  };
  struct Failures {
    int count = 0;
    Timestamp first;
  };
  static Digest digest(std::string_view token);
  bool is_over(const Session& session, Timestamp now) const;
  void make_room(Timestamp now) REQUIRES(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<Digest, Session> sessions_ GUARDED_BY(mutex_);
  std::map<std::string, Failures> failures_ GUARDED_BY(mutex_);
};

// One cookie's value of a Cookie header ("a=1; b=2"); none when it isn't there. Pure.
std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name);

// Compares without telling by the time it takes how much of it was right.
bool is_same_secret(std::string_view given, std::string_view secret);

}  // namespace camweave
