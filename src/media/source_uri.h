// SourceUri: a camera's `source` taken apart: `v4l2:/dev/video0`, `v4l2:serial=X`, `pattern:bars?size=640x480&fps=30`,
// `rtsp://user:secret@host/path`, `exec:program args…`. Pure; fuzzed.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace camweave {

struct SourceUri {
  std::string text;    // as written; may hold a secret: never log or answer it, use redacted
  std::string scheme;  // lower case: "v4l2", "pattern", "rtsp", "http", "tcp+jpeg", "ws+bundle", "exec", …
  std::string rest;    // after "scheme:" without the options; for "scheme://…" the whole URL with its query
  std::map<std::string, std::string, std::less<>> options;  // decoded ?key=value pairs; none for exec: and network URLs
  std::string redacted;  // `text` with user:password@ and secret-looking query values replaced by ***
};

Result<SourceUri> parse_source_uri(std::string_view text);

// Any URL or text holding URLs: user:password@ becomes ***@, and the values of query keys such as password, token,
// key, secret, auth become ***.
std::string redact_url(std::string_view text);

// %41 → A; fails on a bad escape or an encoded NUL.
Result<std::string> percent_decode(std::string_view text);

}  // namespace camweave
