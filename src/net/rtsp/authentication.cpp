#include "net/rtsp/authentication.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

namespace camweave::rtsp {
namespace {

constexpr std::string_view realm = "Camweave";

std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string digest_of(std::string_view text, const EVP_MD* algorithm) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, algorithm, nullptr);
  return hex(std::span(digest).first(size));
}

std::string md5(std::string_view text) { return digest_of(text, EVP_md5()); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool begins_with_word(std::string_view text, std::string_view word) {
  return text.size() > word.size() && text[word.size()] == ' ' &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
         });
}

// name=value, name="value", … as both sides of Digest write them.
std::map<std::string, std::string, std::less<>> parse_parameters(std::string_view text) {
  std::map<std::string, std::string, std::less<>> parameters;
  while (!text.empty()) {
    const size_t begin = text.find_first_not_of(", \t");
    const size_t equals = text.find('=');
    if (begin == std::string_view::npos || equals == std::string_view::npos || equals < begin) break;
    const std::string name(text.substr(begin, equals - begin));
    text.remove_prefix(equals + 1);
    size_t end;
    if (text.starts_with('"')) {
      text.remove_prefix(1);
      end = text.find('"');
      parameters[name] = text.substr(0, end);
    } else {
      end = text.find(',');
      parameters[name] = text.substr(0, end);
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parameters;
}

std::string decode_base64(std::string_view text) {
  std::string padded(text);
  padded.append((4 - padded.size() % 4) % 4, '=');
  std::string out(padded.size() / 4 * 3 + 1, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(padded.data()),
                                   static_cast<int>(padded.size()));
  if (size < 0) return {};
  out.resize(static_cast<size_t>(size) - static_cast<size_t>(std::ranges::count(padded, '=')));
  return out;
}

std::string encode_base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

}  // namespace

std::string Authenticator::make_nonce() {
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return hex(bytes);
}

Headers Authenticator::challenges(std::string_view nonce) {
  return {{"WWW-Authenticate", fmt::format("Digest realm=\"{}\", nonce=\"{}\", algorithm=MD5", realm, nonce)},
          {"WWW-Authenticate", fmt::format("Basic realm=\"{}\"", realm)}};
}

bool Authenticator::accepts(const Request& request, std::string_view nonce) const {
  if (is_protected()) return true;
  const std::string_view header = request.header("Authorization");
  if (begins_with_word(header, "Basic")) return accepts_basic(header.substr(6));
  if (begins_with_word(header, "Digest")) return accepts_digest(header.substr(7), request, nonce);
  return false;
}

bool Authenticator::accepts_basic(std::string_view credentials) const {
  const std::string pair = decode_base64(credentials);
  const size_t colon = pair.find(':');
  return colon != std::string::npos && equal_in_constant_time(std::string_view(pair).substr(colon + 1), password_);
}

bool Authenticator::accepts_digest(std::string_view text, const Request& request, std::string_view nonce) const {
  const auto parameters = parse_parameters(text);
  const auto value = [&](std::string_view name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  };
  if (!equal_in_constant_time(value("nonce"), nonce) || value("realm") != realm) return false;
  const std::string secret = md5(fmt::format("{}:{}:{}", value("username"), realm, password_));
  // Clients sign the URL of the request or its base; the one that they say is what they hashed.
  const std::string action = md5(fmt::format("{}:{}", request.method, value("uri")));
  return equal_in_constant_time(value("response"), md5(fmt::format("{}:{}:{}", secret, nonce, action)));
}

namespace {

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// Null: an algorithm that we don't have (the session variants, SHA-512-256).
const EVP_MD* algorithm_named(std::string_view name) {
  if (name.empty() || equal_any_case(name, "MD5")) return EVP_md5();
  return equal_any_case(name, "SHA-256") ? EVP_sha256() : nullptr;
}

bool offers_auth(std::string_view qop) {
  while (!qop.empty()) {
    const size_t end = qop.find(',');
    std::string_view word = qop.substr(0, end);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (equal_any_case(word, "auth")) return true;
    qop.remove_prefix(end == std::string_view::npos ? qop.size() : end + 1);
  }
  return false;
}

// A quoted-string of RFC 2616 section 2.2.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string digest_authorization(std::string_view parameters_text, std::string_view method, std::string_view url,
                                 std::string_view user, std::string_view password) {
  const auto parameters = parse_parameters(parameters_text);
  const auto value = [&](std::string_view name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  };
  const EVP_MD* const algorithm = algorithm_named(value("algorithm"));
  const std::string nonce = value("nonce"), their_realm = value("realm"), qop = value("qop");
  if (!algorithm || nonce.empty() || (!qop.empty() && !offers_auth(qop))) return {};
  const std::string secret = digest_of(fmt::format("{}:{}:{}", user, their_realm, password), algorithm);
  const std::string action = digest_of(fmt::format("{}:{}", method, url), algorithm);
  std::string text = fmt::format("Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\"", escaped(user),
                                 their_realm, nonce, url);
  if (qop.empty()) {
    text += fmt::format(", response=\"{}\"", digest_of(fmt::format("{}:{}:{}", secret, nonce, action), algorithm));
  } else {
    // A client nonce of its own for each request, so the count is always the first.
    const std::string mine = Authenticator::make_nonce().substr(0, 16);
    const std::string proof = digest_of(fmt::format("{}:{}:00000001:{}:auth:{}", secret, nonce, mine, action), algorithm);
    text += fmt::format(", response=\"{}\", qop=auth, nc=00000001, cnonce=\"{}\"", proof, mine);
  }
  if (parameters.contains("algorithm")) text += fmt::format(", algorithm={}", algorithm == EVP_md5() ? "MD5" : "SHA-256");
  if (parameters.contains("opaque")) text += fmt::format(", opaque=\"{}\"", value("opaque"));
  return text;
}

}  // namespace

std::string authorization(std::string_view challenge, std::string_view method, std::string_view url, std::string_view user,
                          std::string_view password) {
  if (begins_with_word(challenge, "Basic")) return "Basic " + encode_base64(fmt::format("{}:{}", user, password));
  if (!begins_with_word(challenge, "Digest")) return {};
  return digest_authorization(challenge.substr(7), method, url, user, password);
}

bool says_stale(std::string_view challenge) {
  if (!begins_with_word(challenge, "Digest")) return false;
  const auto parameters = parse_parameters(challenge.substr(7));
  const auto stale = parameters.find("stale");
  return stale != parameters.end() && equal_any_case(stale->second, "true");
}

}  // namespace camweave::rtsp
