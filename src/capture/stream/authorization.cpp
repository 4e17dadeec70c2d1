#include "capture/stream/authorization.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>

namespace camweave::stream_driver {
namespace {

std::string hex_digest(const EVP_MD* algorithm, const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, algorithm, nullptr) != 1) return {};
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string base64(const std::string& text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

bool begins_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::ranges::equal(text.substr(0, word.size()), word,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

// What stands between quotes must not hold one.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out;
}

const EVP_MD* digest_algorithm(std::string_view challenge) {
  const std::string name = find_parameter(challenge, "algorithm");
  if (name.empty() || begins_with_word(name, "MD5")) return name.size() > 3 ? nullptr : EVP_md5();
  return begins_with_word(name, "SHA-256") && name.size() == 7 ? EVP_sha256() : nullptr;
}

std::string answer_digest(std::string_view challenge, const EVP_MD* algorithm, const AuthorizationRequest& request) {
  const std::string realm = find_parameter(challenge, "realm"), nonce = find_parameter(challenge, "nonce");
  const std::string opaque = find_parameter(challenge, "opaque"),
                    algorithm_name = find_parameter(challenge, "algorithm");
  const bool has_qop = find_parameter(challenge, "qop").find("auth") != std::string::npos;
  constexpr const char* count = "00000001";
  const std::string secret = hex_digest(algorithm, request.user + ":" + realm + ":" + request.password);
  const std::string subject = hex_digest(algorithm, request.method + ":" + request.target);
  const std::string middle = has_qop ? fmt::format("{}:{}:{}:auth", nonce, count, request.client_nonce) : nonce;
  const std::string response = hex_digest(algorithm, secret + ":" + middle + ":" + subject);
  std::string answer = fmt::format(R"(Digest username="{}", realm="{}", nonce="{}", uri="{}", response="{}")",
                                   quoted(request.user), quoted(realm), quoted(nonce), request.target, response);
  if (has_qop) answer += fmt::format(R"(, qop=auth, nc={}, cnonce="{}")", count, request.client_nonce);
  if (!opaque.empty()) answer += fmt::format(R"(, opaque="{}")", quoted(opaque));
  if (!algorithm_name.empty()) answer += ", algorithm=" + std::string(algorithm == EVP_md5() ? "MD5" : "SHA-256");
  return answer;
}

}  // namespace

Result<std::string> answer_challenge(const Fields& fields, const AuthorizationRequest& request) {
  const EVP_MD* best = nullptr;
  std::string_view challenge;
  bool basic = false;
  for (const Field& field : fields) {
    if (field.name != "www-authenticate") continue;
    basic = basic || begins_with_word(field.value, "Basic");
    if (!begins_with_word(field.value, "Digest ")) continue;
    const EVP_MD* algorithm = digest_algorithm(field.value);
    if (!algorithm || (best && algorithm == EVP_md5())) continue;
    best = algorithm;
    challenge = field.value;
  }
  if (best) return answer_digest(challenge, best, request);
  if (basic) return "Basic " + base64(request.user + ":" + request.password);
  return Error{ErrorCode::unsupported, "the camera wants a way of logging in that is neither Basic nor Digest"};
}

}  // namespace camweave::stream_driver
