#include "net/sessions.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>

#include <algorithm>

namespace camweave {
namespace {

constexpr size_t token_bytes = 32;
constexpr size_t max_addresses = 1000;

std::string hexadecimal(const std::array<unsigned char, token_bytes>& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

// An IPv6 host has a whole /64 to itself.
std::string address_of(const IpAddress& peer) {
  const std::string text = peer.to_string();
  if (text.find(':') == std::string::npos) return text;
  size_t end = 0;
  for (int groups = 0; groups < 4 && end != std::string::npos; ++groups) end = text.find(':', end + 1);
  return text.substr(0, end);
}

}  // namespace

Result<std::string> Sessions::begin() {
  std::array<unsigned char, token_bytes> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    return system_error("a session's token");
  std::string token = hexadecimal(random);
  const Timestamp now = clock_.now();
  MutexLock lock(mutex_);
  make_room(now);
  sessions_[digest(token)] = {now, now};
  return token;
}

bool Sessions::holds(std::string_view token) {
  if (token.size() != token_bytes * 2) return false;
  const Timestamp now = clock_.now();
  MutexLock lock(mutex_);
  const auto found = sessions_.find(digest(token));
  if (found == sessions_.end()) return false;
  if (is_over(found->second, now)) {
    sessions_.erase(found);
    return false;
  }
  found->second.used = now;
  return true;
}

void Sessions::end(std::string_view token) {
  MutexLock lock(mutex_);
  sessions_.erase(digest(token));
}

void Sessions::end_all() {
  MutexLock lock(mutex_);
  sessions_.clear();
}

size_t Sessions::size() const {
  MutexLock lock(mutex_);
  return sessions_.size();
}

void Sessions::failed(const IpAddress& peer) {
  const Timestamp now = clock_.now();
  MutexLock lock(mutex_);
  if (failures_.size() >= max_addresses) {
    std::erase_if(failures_, [&](const auto& entry) { return now - entry.second.first > failure_window; });
    if (failures_.size() >= max_addresses) failures_.erase(failures_.begin());
  }
  Failures& failures = failures_[address_of(peer)];
  if (failures.count == 0 || now - failures.first > failure_window) failures = {0, now};
  ++failures.count;
}

bool Sessions::may_try(const IpAddress& peer) {
  const Timestamp now = clock_.now();
  MutexLock lock(mutex_);
  const auto found = failures_.find(address_of(peer));
  if (found == failures_.end()) return true;
  return found->second.count < max_failures || now - found->second.first > failure_window;
}

std::string Sessions::cookie_name(std::string_view host) {
  std::string name = "camweave_session";
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos) return name;
  const std::string_view port = host.substr(colon + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!port.empty() && port.size() <= 5 && std::ranges::all_of(port, is_digit)) name.append("_").append(port);
  return name;
}

Sessions::Digest Sessions::digest(std::string_view token) {
  Digest digest;
  ::SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

bool Sessions::is_over(const Session& session, Timestamp now) const {
  return now - session.used > idle_limit || now - session.began > age_limit;
}

void Sessions::make_room(Timestamp now) {
  if (sessions_.size() < max_sessions) return;
  std::erase_if(sessions_, [&](const auto& entry) { return is_over(entry.second, now); });
  if (sessions_.size() < max_sessions) return;
  sessions_.erase(std::ranges::min_element(sessions_, {}, [](const auto& entry) { return entry.second.used; }));
}

std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const size_t end = std::min(header.find(';'), header.size());
    std::string_view pair = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return std::nullopt;
}

bool is_same_secret(std::string_view given, std::string_view secret) {
  return !secret.empty() && given.size() == secret.size() &&
         CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

}  // namespace camweave
