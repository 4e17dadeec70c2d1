// Result<T>: a value or an Error. The only way functions of this project fail (no exceptions across a module's edge).
#pragma once

#include <cassert>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace camweave {

enum class ErrorCode {
  invalid_argument,   // the caller's words are wrong: configuration, request, message
  not_found,          // no such camera, file, device
  permission_denied,  // the system or our rights refuse
  busy,               // somebody else has it
  unavailable,        // it exists but can't serve now: away, disconnected, starting
  timeout,
  io,                 // the system or the device failed underneath
  protocol,           // the other side broke its protocol's rules
  exhausted,          // a bound that we keep was reached
  unsupported,        // this build, device or version can't
  internal,           // our own fault
};

const char* to_string(ErrorCode code);

// What went wrong, in one line that names the culprit (camera, peer, path, byte offset) and, where known, the cure.
struct Error {  // NOLINT(clang-analyzer-core.uninitialized.Assign): the analyzer cannot follow std::variant
  ErrorCode code = ErrorCode::internal;
  std::string message;
};

// An Error from errno: "MESSAGE: No such file or directory", with the code that fits.
[[nodiscard]] Error system_error(std::string message, int error_number = errno);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { assert(ok()); return std::get<0>(state_); }
  const T& value() const& { assert(ok()); return std::get<0>(state_); }
  T&& value() && { assert(ok()); return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { assert(!ok()); return std::get<1>(state_); }
  Error&& error() && { assert(!ok()); return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { assert(error_); return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace camweave
