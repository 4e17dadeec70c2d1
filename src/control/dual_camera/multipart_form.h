// multipart/form-data (RFC 7578), as browsers and curl send forms. Pure; fuzzed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace camweave {

using FormFields = std::vector<std::pair<std::string, std::string>>;

inline constexpr size_t max_form_fields = 64;

// The boundary of "multipart/form-data; boundary=…"; `invalid_argument` without a usable one.
Result<std::string> multipart_boundary(std::string_view content_type);

// The fields in order, files as fields with their content. Fails with `invalid_argument` and the byte where it broke.
Result<FormFields> parse_multipart_form(std::string_view body, std::string_view boundary);

}  // namespace camweave
