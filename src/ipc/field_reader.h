// FieldReader: reads the fields of one JSON object that came from the other side, checks each, and remembers the first
// that breaks a rule. Read all fields, then look at error() once. Thread-bound.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace camweave::ipc {

class FieldReader {
 public:
  static constexpr size_t max_name_bytes = 256;
  static constexpr size_t max_text_bytes = 16 * 1024;

  // `object` outlives the reader. `what` names it in errors.
  FieldReader(const nlohmann::json& object, std::string_view what) : object_(object), what_(what) {
    if (!object.is_object()) error_ = Error{ErrorCode::protocol, fmt::format("{} is not a JSON object", what)};
  }

  const std::optional<Error>& error() const { return error_; }

  void fail(std::string_view field, std::string_view why, ErrorCode code = ErrorCode::protocol) {
    if (!error_) error_ = Error{code, fmt::format("{}: field {} {}", what_, field, why)};
  }

  // nullptr (and the error is set) where it is missing.
  const nlohmann::json* member(std::string_view field) {
    const nlohmann::json* found = find(field);
    if (!found) fail(field, "is missing");
    return found;
  }

  uint64_t unsigned_number(std::string_view field, uint64_t least, uint64_t most) {
    const nlohmann::json* value = member(field);
    if (!value) return least;
    if (!value->is_number_unsigned()) {
      fail(field, "must be a whole number, not negative");
    } else if (const auto number = value->get<uint64_t>(); number < least || number > most) {
      fail(field, fmt::format("is {}, not {} to {}", number, least, most), ErrorCode::exhausted);
    } else {
      return number;
    }
    return least;
  }
  uint32_t id(std::string_view field) { return static_cast<uint32_t>(unsigned_number(field, 1, UINT32_MAX)); }
  int number(std::string_view field, int least, int most) {
    return static_cast<int>(unsigned_number(field, static_cast<uint64_t>(least), static_cast<uint64_t>(most)));
  }

  double real(std::string_view field) {
    const nlohmann::json* value = member(field);
    if (!value) return 0;
    if (!value->is_number() || !std::isfinite(value->get<double>())) {
      fail(field, "must be a finite number");
      return 0;
    }
    return value->get<double>();
  }

  bool boolean(std::string_view field) {
    const nlohmann::json* value = member(field);
    if (value && !value->is_boolean()) fail(field, "must be true or false");
    return value && value->is_boolean() && value->get<bool>();
  }

  std::string text(std::string_view field, size_t most_bytes = max_text_bytes) {
    const nlohmann::json* value = member(field);
    return value ? checked_text(field, *value, most_bytes) : std::string();
  }
  std::string optional_text(std::string_view field) {
    const nlohmann::json* value = find(field);
    return value ? checked_text(field, *value, max_text_bytes) : std::string();
  }
  // Not empty and short.
  std::string name(std::string_view field) {
    std::string value = text(field, max_name_bytes);
    if (value.empty()) fail(field, "must not be empty");
    return value;
  }

  // An array of at most `most` items, or nullptr with the error set.
  const nlohmann::json* array(std::string_view field, size_t most) {
    const nlohmann::json* value = member(field);
    if (!value) return nullptr;
    if (!value->is_array()) {
      fail(field, "must be an array");
    } else if (value->size() > most) {
      fail(field, fmt::format("has {} items, more than {}", value->size(), most), ErrorCode::exhausted);
    } else {
      return value;
    }
    return nullptr;
  }

 private:
  const nlohmann::json* find(std::string_view field) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(field);
    return found == object_.end() ? nullptr : &*found;
  }
  std::string checked_text(std::string_view field, const nlohmann::json& value, size_t most_bytes) {
    if (!value.is_string()) {
      fail(field, "must be a string");
    } else if (const auto& string = value.get_ref<const std::string&>(); string.size() > most_bytes) {
      fail(field, fmt::format("is longer than {} bytes", most_bytes), ErrorCode::exhausted);
    } else if (string.find('\0') != std::string::npos) {
      fail(field, "holds a NUL");
    } else {
      return string;
    }
    return {};
  }

  const nlohmann::json& object_;
  const std::string what_;
  std::optional<Error> error_;
};

}  // namespace camweave::ipc
